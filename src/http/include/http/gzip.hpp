#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::http {

/// RFC 1952, at the level that costs least.
std::string Gzip(std::string_view plain);
/// Of a whole gzip member. kInvalidArgument: it is none, or more than `limit` bytes.
Result<std::string> Gunzip(std::string_view packed, std::size_t limit);

}  // namespace millrace::http
