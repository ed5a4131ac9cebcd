#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::identity {

/// What an access token of R0 says.
struct TokenClaims {
  std::string email;
  std::string sub;       ///< id of the user
  std::int64_t iat = 0;  ///< seconds since 1970
  std::int64_t exp = 0;  ///< seconds since 1970
};

/// A JSON Web Token signed with HMAC-SHA256.
std::string SignToken(const TokenClaims& claims, std::string_view secret);

/// The claims of a token that SignToken could have made and that has not expired at
/// `now_s`. kUnauthenticated otherwise; the message is the reason as the library
/// `jsonwebtoken` words it: "jwt malformed", "invalid token", "jwt signature is
/// required", "invalid algorithm" (any but HS256), "invalid signature", "invalid exp
/// value", "jwt not active", "jwt expired".
Result<TokenClaims> VerifyToken(std::string_view token, std::string_view secret,
                                std::int64_t now_s);

/// Text of 32 random bytes. kInternal: there are none.
Result<std::string> NewSecret();

}  // namespace millrace::identity
