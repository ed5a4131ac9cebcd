#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "identity/access_tokens.hpp"
#include "identity/api_keys.hpp"
#include "identity/authenticator.hpp"
#include "identity/sessions.hpp"

namespace millrace::identity {

/// What tokens are looked up in; all outlive whoever has it.
struct TokenStores {
  const AccessTokens& access;
  Sessions& sessions;
  const ApiKeys& keys;
  Authenticator::UserExists exists;
};

/// RFC 7662: {"active":true,"token_type","sub","sid","client_id","role","tenant","scope",
/// "iat","exp",…} of an access token, refresh token or API key, as far as it has them;
/// {"active":false} for anything else, also of a user whose record is gone. May wait for
/// a disk.
Result<std::string> Introspect(const TokenStores& stores, std::string_view token);

/// RFC 7009: ends the session that an access or refresh token belongs to, and gives its
/// id; success, with nothing, where there is none (any more). May wait for a disk.
Result<std::string> Revoke(const TokenStores& stores, std::string_view token);

}  // namespace millrace::identity
