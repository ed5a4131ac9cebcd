#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/access_tokens.hpp"
#include "identity/credentials.hpp"
#include "identity/done.hpp"
#include "identity/sessions.hpp"
#include "query/principal.hpp"
#include "records/record_store.hpp"
#include "schema/collection.hpp"
#include "telemetry/log.hpp"

namespace millrace::identity {

struct AccountOptions {
  schema::Collection collection;  ///< project::Users() and the project's own fields
  std::size_t hash_threads = 1;
  std::size_t hash_queue = 32;  ///< hashes that wait; beyond: kUnavailable
  const Clock* clock = &SystemClock();
};

/// What accounts stand on; all outlive them.
struct AccountParts {
  records::RecordStore& records;
  Credentials& credentials;
  Sessions& sessions;
  AccessTokens& tokens;
  telemetry::Logger& log;
};

/// Whether the collection `users` has a record of that id.
Result<bool> HasUser(records::RecordStore& store, const std::string& id);

/// Users of a closed project: sign-up, login and what they do with their own account. The
/// record holds e-mail and own fields, Credentials the rest. Bodies are JSON; kInvalid-
/// Argument names every bad member. A user object is the record with `role` and `tenant`;
/// a grant {"access_token","token_type","expires_in","refresh_token","user"}. Any thread;
/// no call with `done` blocks.
class Accounts {
 public:
  /// First removes credentials without a user: sign-ups that were never acknowledged, and
  /// users whose record was deleted.
  static Result<std::unique_ptr<Accounts>> Open(AccountParts parts,
                                                AccountOptions options);
  /// Finishes what is under way; what waits is given up, its `done` is not called.
  ~Accounts();

  /// {email, password, own fields…} → grant. kConflict: the e-mail is taken.
  void SignUp(std::string_view body, Client client, Done done);
  /// {email, password} → grant. kUnauthenticated, in the same words and time whether
  /// there is such a user or not; kPermissionDenied: right, but disabled.
  void LogIn(std::string_view body, Client client, Done done);
  /// The e-mail address that a body of LogIn names, as it is looked for; empty where it
  /// names none.
  static std::string EmailOf(std::string_view body);
  /// {refresh_token} → grant. kUnauthenticated.
  void Refresh(std::string_view body, Client client, Done done);
  /// {password, new_password} → {}; ends every other session of the user.
  /// kUnauthenticated: the old one is wrong.
  void ChangePassword(const query::Principal& who, std::string_view body, Done done);
  /// The user object; of an API key {"key_id","role","tenant","scopes"}.
  void Me(const query::Principal& who, Done done);
  /// {"items":[…]} of the user's sessions, the own one with "current":true.
  void ListSessions(const query::Principal& who, Done done);
  /// {}. kNotFound: none of this user's.
  void EndSession(const query::Principal& who, std::string session_id, Done done);

 private:
  class Impl;
  explicit Accounts(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::identity
