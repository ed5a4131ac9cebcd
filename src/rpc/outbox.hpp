#pragma once

#include <cstdint>
#include <string>

#include "runtime/mailbox.hpp"

namespace millrace::rpc::internal {

/// An answer on its way to the server's thread.
struct Outgoing {
  std::uint64_t connection = 0;
  std::string packet;
};

/// Owned by the server and by every responder, since those may outlive it.
class Outbox : public runtime::Mailbox<Outgoing> {
  using Mailbox::Mailbox;
};

}  // namespace millrace::rpc::internal
