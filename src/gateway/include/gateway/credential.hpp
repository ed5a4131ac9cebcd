#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace millrace::gateway {

/// The token of `Authorization: Bearer <token>`, whatever the case of that word.
std::optional<std::string_view> BearerToken(const http::Request& request);

/// What a request brings to say who asks: the bearer token, or `X-API-Key`; empty: nobody
/// says. kUnauthenticated: more than one, or `Authorization` of another scheme.
Result<std::string_view> CredentialOf(const http::Request& request);

}  // namespace millrace::gateway
