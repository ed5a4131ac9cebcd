#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::project {

/// So many requests in a window, for each of what it counts by.
struct RateLimit {
  std::string name;
  std::uint64_t requests = 0;
  std::int64_t every_ms = 0;
  bool per_ip = true;      ///< of the client; an IPv6 client is its /64
  bool per_route = false;  ///< method and path pattern
  /// Of who asks; where there is none, of the client's address. An API key without a
  /// user counts as one.
  bool per_user = false;
  bool per_key = false;     ///< API key
  bool per_tenant = false;  ///< of token or API key
};

/// What pages of other origins may do in a browser.
struct Cors {
  std::vector<std::string> origins;  ///< "https://shop.example"; one "*": all
  bool credentials = false;          ///< never with "*"
  std::int64_t max_age_ms = 600'000;
};

/// "10.0.0.0/8", checked: a network of addresses.
struct Network {
  std::string address;  ///< 16 bytes; IPv4 as ::ffff:a.b.c.d
  unsigned bits = 0;    ///< of the 128
  bool Contains(const std::string& other) const;
};
/// An IPv4 or IPv6 literal as the 16 bytes of Network; empty when it is none.
std::string ParseAddress(const std::string& text);

/// How requests from outside are met before their routes see them.
struct Door {
  std::vector<RateLimit> limits;
  Cors cors;
  std::vector<Network> trusted_proxies;  ///< whose X-Forwarded-For is believed
};

}  // namespace millrace::project
