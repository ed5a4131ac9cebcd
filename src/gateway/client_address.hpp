#pragma once

#include <string>
#include <vector>

#include "http/message.hpp"
#include "project/door.hpp"

namespace millrace::gateway {

/// Who sent it: the peer; behind trusted proxies the last address of X-Forwarded-For that
/// is none of theirs. 16 bytes as project::ParseAddress; empty for a Unix socket.
std::string ClientAddress(const http::Request& request,
                          const std::vector<project::Network>& trusted);

/// Whom limits count as one: the address, of IPv6 its /64, which one household has.
std::string ClientKey(const http::Request& request,
                      const std::vector<project::Network>& trusted);

/// The address as people write it; empty for a Unix socket.
std::string AddressText(const std::string& address);

}  // namespace millrace::gateway
