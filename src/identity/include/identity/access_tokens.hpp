#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "identity/signing_keys.hpp"
#include "query/principal.hpp"

namespace millrace::identity {

struct AccessTokenOptions {
  std::string issuer, audience;
  std::int64_t lifetime_s = 600;
};

/// Whom a token is made for.
struct TokenSubject {
  std::string user_id, session_id, role, tenant, email;
};

/// What an access token says.
struct AccessClaims {
  TokenSubject subject;
  std::string id;                 ///< jti
  std::int64_t iat = 0, exp = 0;  ///< seconds since 1970
};

/// Access tokens: JWTs (RFC 9068) signed with EdDSA. Any thread; nothing blocks.
class AccessTokens {
 public:
  /// `keys` and `clock` outlive it.
  AccessTokens(const SigningKeys& keys, const Clock& clock, AccessTokenOptions options);

  std::string Issue(const TokenSubject& subject);
  /// Nullopt unless it is one of Issue's and its time is not over: signature, typ, iss,
  /// aud, iat and exp, which is no later than `lifetime_s` after iat, also in a token
  /// that was issued for longer. Whether its session is over is not asked here.
  std::optional<AccessClaims> Verify(std::string_view token) const;
  /// Another number whenever tokens that Verify believed may be believed no longer.
  std::uint64_t generation() const { return keys_.generation(); }
  const AccessTokenOptions& options() const { return options_; }

 private:
  const SigningKeys& keys_;
  const Clock& clock_;
  const AccessTokenOptions options_;
  std::mutex mutex_;
  IdMaker ids_;
};

}  // namespace millrace::identity
