#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "project/door.hpp"

namespace millrace::project {

std::string ParseAddress(const std::string& text) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    return {bytes.begin(), bytes.end()};
  }
  bytes[10] = bytes[11] = '\xff';
  if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) {
    return {bytes.begin(), bytes.end()};
  }
  return {};
}

bool Network::Contains(const std::string& other) const {
  if (other.size() != address.size()) return false;
  for (unsigned bit = 0; bit < bits; bit += 8) {
    const auto at = bit / 8;
    const unsigned left = std::min(8u, bits - bit);
    const auto mask = static_cast<unsigned char>(0xffu << (8 - left));
    const auto differ = static_cast<unsigned char>(address[at] ^ other[at]);
    if ((differ & mask) != 0) return false;
  }
  return true;
}

}  // namespace millrace::project
