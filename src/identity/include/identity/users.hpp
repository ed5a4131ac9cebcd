#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/credentials.hpp"
#include "identity/done.hpp"
#include "identity/password.hpp"
#include "identity/sign_up.hpp"
#include "records/record_store.hpp"
#include "schema/collection.hpp"
#include "telemetry/log.hpp"

namespace millrace::identity {

struct UsersOptions {
  /// Named `users`: id, email (unique), name, createdAt, updatedAt.
  schema::Collection collection;
  PasswordScheme scheme = PasswordScheme::kBcrypt;
  std::string token_secret;
  std::chrono::seconds token_lifetime{3600};
  std::size_t hash_threads = 1;
  std::size_t hash_queue = 32;  ///< hashes that wait; beyond: kUnavailable
  const Clock* clock = &SystemClock();
};

/// Users: records in the store, their secrets in Credentials. Passwords are hashed on
/// threads of their own with a bounded queue, so that a flood of logins starves nothing
/// else. Any thread; no call blocks but Find, for microseconds. A user object is
/// {"id","email","name","createdAt","updatedAt"}, name only when set, times with
/// milliseconds: never a hash.
class Users {
 public:
  /// Removes credentials without a user first. All outlive this.
  static Result<std::unique_ptr<Users>> Open(records::RecordStore& store,
                                             Credentials& credentials,
                                             UsersOptions options,
                                             telemetry::Logger& log);
  /// Finishes what is under way; what waits is given up, its `done` is not called.
  ~Users();

  /// Makes a user. kConflict "Email already exists"; kUnavailable (too many wait); errors
  /// of stores.
  void Register(SignUp input, Done done);
  /// {"accessToken", "user"}. kNotFound "User not found"; kUnauthenticated "Invalid
  /// credentials"; kUnavailable.
  void Login(LogIn input, Done done);
  /// Every user, oldest first: a JSON array.
  void List(Done done);
  /// The user object, or "null".
  Result<std::string> Find(const std::string& id);

 private:
  class Impl;
  explicit Users(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::identity
