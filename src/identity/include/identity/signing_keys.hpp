#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/identity_db.hpp"

namespace millrace::identity {

/// The Ed25519 keys that access tokens are signed with: one active, one standby, which
/// everyone who verifies knows before it signs anything, and those that were active so
/// shortly ago that tokens of theirs may be about. Any thread.
class SigningKeys {
 public:
  /// Makes the first two where there are none. `token_lifetime_s`: how long a key that
  /// was replaced is still believed. `db` and `clock` outlive it.
  static Result<std::unique_ptr<SigningKeys>> Open(IdentityDb& db, const Clock& clock,
                                                   std::int64_t token_lifetime_s);
  ~SigningKeys();

  /// `<header>.<claims>.<signature>`, each base64url, by the active key; the header is
  /// {"alg":"EdDSA","kid":…,"typ":"at+jwt"}.
  std::string Sign(std::string_view claims_json) const;
  /// The claims of a token that Sign made with a key that is believed; nullopt for
  /// everything else. Headers are compared byte by byte: what an attacker writes there is
  /// never interpreted, and nothing is read before the signature is right.
  std::optional<std::string> Verify(std::string_view token) const;
  /// Another number whenever what Verify believes has become less.
  std::uint64_t generation() const { return generation_; }
  /// RFC 7517: every public key that is believed.
  std::string Jwks() const;

  struct Key {
    std::string kid;
    std::string state;                            ///< "active", "standby" or "retired"
    std::int64_t created_at = 0, retired_at = 0;  ///< microseconds; 0: not yet
  };
  std::vector<Key> List() const;
  /// The standby key signs from now on, a new one stands by. `drop` also forgets the
  /// replaced key, for one that got into wrong hands: its tokens are refused at once.
  Status Rotate(bool drop);

 private:
  struct KeySet;
  SigningKeys(IdentityDb& db, const Clock& clock, std::int64_t token_lifetime_s);
  Status Load();
  std::shared_ptr<const KeySet> Keys() const;

  IdentityDb& db_;
  const Clock& clock_;
  const std::int64_t lifetime_us_;
  std::atomic<std::uint64_t> generation_{0};
  std::mutex rotate_mutex_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_;
};

}  // namespace millrace::identity
