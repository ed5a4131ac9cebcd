#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/identity_db.hpp"

namespace millrace::identity {

/// What is kept of one user beside the record.
struct Credential {
  std::string password_hash;
  std::string role = "user";  ///< not empty
  std::string tenant = {};    ///< empty: none
  bool disabled = false;
};

/// What an operator sets of it: what is given, and nothing else.
struct CredentialChange {
  std::optional<std::string> password_hash = {}, role = {}, tenant = {};
  std::optional<bool> disabled = {};
};

/// Password hashes and rights of users. Any thread; every write is durable when it
/// returns.
class Credentials {
 public:
  /// `db` and `clock` outlive it.
  Credentials(IdentityDb& db, const Clock& clock) : db_(db), clock_(clock) {}

  /// The password's hash of a user, instead of the one before; everything else stays, or
  /// is the default of a new one.
  Status Put(std::string_view user_id, std::string_view hash);
  /// All of it, instead of what was there.
  Status Put(std::string_view user_id, const Credential& credential);
  /// Another hash, if it is still `old` that is kept. False: it is not, and nothing was
  /// written; what was found out by `old` is worth nothing.
  Result<bool> Renew(std::string_view user_id, std::string_view old,
                     std::string_view hash);
  /// A user without any gets one that lets nobody in. Gives what is kept now.
  Result<Credential> Change(std::string_view user_id, const CredentialChange& change);
  /// kNotFound.
  Result<Credential> Get(std::string_view user_id);
  /// The same in somebody's transaction.
  static Result<std::optional<Credential>> Find(Sqlite& db, std::string_view user_id);
  Status Remove(std::string_view user_id);
  /// Removes those whose user is not there: sign-ups that never became a record, and
  /// users that were deleted. `exists` is asked once for each. Gives whom.
  Result<std::vector<std::string>> Sweep(
      const std::function<Result<bool>(const std::string&)>& exists);

  /// The secret that signs the tokens of R0's style, made at the first call.
  Result<std::string> SigningSecret();

 private:
  IdentityDb& db_;
  const Clock& clock_;
};

}  // namespace millrace::identity
