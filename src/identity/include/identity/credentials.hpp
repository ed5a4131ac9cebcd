#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::identity {

/// What is secret of users, in a file of its own (docs/formats/identity-db.md), so that
/// no hash can get into a record, an event or a lake. Any thread; every write is durable
/// when it returns.
class Credentials {
 public:
  /// Creates or opens <directory>/identity.db, mode 0600. kConflict: a newer format;
  /// kDataLoss: damaged.
  static Result<std::unique_ptr<Credentials>> Open(const std::filesystem::path& directory,
                                                   const Clock& clock);
  ~Credentials();

  /// The password's hash of a user, instead of the one before.
  Status Put(std::string_view user_id, std::string_view hash);
  /// kNotFound.
  Result<std::string> Get(std::string_view user_id);
  Status Remove(std::string_view user_id);
  /// Removes those whose user is not there: sign-ups that never became a record, and
  /// users that were deleted. `exists` is asked once for each. Gives how many.
  Result<std::size_t> Sweep(
      const std::function<Result<bool>(const std::string&)>& exists);

  /// The secret that this installation signs tokens with, made at the first call.
  Result<std::string> SigningSecret();

 private:
  struct Parts;
  explicit Credentials(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::identity
