#include "client_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <ranges>

namespace millrace::gateway {
namespace {

constexpr std::size_t kV4At = 12;
constexpr std::size_t kClientBytesOfV6 = 8;

bool IsV4(const std::string& address) {
  return address.starts_with(std::string(10, '\0') + "\xff\xff");
}

std::string_view Trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

}  // namespace

std::string ClientAddress(const http::Request& request,
                          const std::vector<project::Network>& trusted) {
  auto address = project::ParseAddress(std::string(request.peer));
  const auto is_trusted = [&] {
    return std::ranges::any_of(
        trusted, [&](const auto& network) { return network.Contains(address); });
  };
  if (!is_trusted()) return address;
  // Each proxy adds whom it got the request from behind what it was told.
  for (const auto& header : request.headers | std::views::reverse) {
    if (!header.Is("x-forwarded-for")) continue;
    std::string_view left = header.value;
    while (!left.empty()) {
      const auto comma = left.rfind(',');
      const auto last =
          Trim(comma == std::string_view::npos ? left : left.substr(comma + 1));
      left = comma == std::string_view::npos ? std::string_view() : left.substr(0, comma);
      auto before = project::ParseAddress(std::string(last));
      if (before.empty()) return address;  // not an address: nothing behind it is known
      address = std::move(before);
      if (!is_trusted()) return address;
    }
  }
  return address;
}

std::string ClientKey(const http::Request& request,
                      const std::vector<project::Network>& trusted) {
  auto address = ClientAddress(request, trusted);
  if (!IsV4(address) && address.size() > kClientBytesOfV6)
    address.resize(kClientBytesOfV6);
  return address;
}

std::string AddressText(const std::string& address) {
  if (address.size() != sizeof(in6_addr)) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = IsV4(address);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? kV4At : 0), text.data(),
              text.size());
  return text.data();
}

}  // namespace millrace::gateway
