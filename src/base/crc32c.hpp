#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

/// Three ways to the same sum; apart only so that the test can compare them.
namespace millrace {

bool HasCrc32cHardware();
std::uint32_t Crc32cHardware(std::string_view data, std::uint32_t crc);
bool HasCrc32cFolding();
std::uint32_t Crc32cFolding(std::string_view data, std::uint32_t crc);
std::uint32_t Crc32cSoftware(std::string_view data, std::uint32_t crc);

}  // namespace millrace
