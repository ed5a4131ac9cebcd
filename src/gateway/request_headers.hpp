#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "records/record_store.hpp"

namespace millrace::gateway {

/// The Idempotency-Key header, bare or quoted; nullopt when absent. kInvalidArgument:
/// empty, over 255 characters, or anything but visible ASCII.
Result<std::optional<records::Idempotency>> ReadIdempotency(const http::Request& request);

/// If-Match as the store takes it: 32 hex digits or "*"; nullopt when absent. A weak or
/// foreign tag never matches; a list is kInvalidArgument.
Result<std::optional<std::string>> ReadIfMatch(const http::Request& request);

}  // namespace millrace::gateway
