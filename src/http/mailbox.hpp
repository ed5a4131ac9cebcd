#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "http/message.hpp"
#include "http/router.hpp"

namespace millrace::http {
class Stream;
}

namespace millrace::http::internal {

/// The answer is a stream: `head` begins it.
struct OpenStream {
  Response head;
  std::shared_ptr<Stream> stream;
};
/// The stream has something to send, or is to be closed.
struct PokeStream {};
using Content = std::variant<Response, OpenStream, PokeStream>;

/// Where responders put answers for the server's thread. Owned by the server and by every
/// responder and stream, since those may outlive it.
class Mailbox {
 public:
  struct Letter {
    Ticket ticket;
    Content content;
  };
  using Deliver = std::function<void(Ticket, Content&&)>;

  /// `deliver` runs on the server's thread only; `wake` on any, and makes that thread
  /// call DeliverAll soon.
  Mailbox(Deliver deliver, std::function<void()> wake)
      : deliver_(std::move(deliver)), wake_(std::move(wake)) {}

  /// On the server's thread delivers at once, elsewhere leaves a letter and wakes the
  /// server if it is the first one. Dropped after Close.
  void Send(Ticket ticket, Content&& content);

  /// Marks the calling thread as the server's.
  void BindThread();
  /// On the server's thread.
  void DeliverAll();
  /// After the server's thread has ended.
  void Close();

 private:
  const Deliver deliver_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Letter> letters_;
  std::vector<Letter> taken_;  ///< server's thread only; reused
};

}  // namespace millrace::http::internal
