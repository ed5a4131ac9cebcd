#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cache/cache.hpp"

namespace millrace::gateway {

/// How often a password may be tried, in `window`.
struct LoginLimitOptions {
  std::uint64_t per_account = 10;   ///< failures of one address with one account
  std::uint64_t per_address = 100;  ///< failures of one address
  std::uint64_t sign_ups = 60;      ///< of one address, whatever becomes of them
  std::chrono::milliseconds window{60'000};
};

/// Counts who tries passwords: each try is counted before it is looked at, so that many
/// at a time are not more than one after the other, and what succeeds is given back.
/// Where the cache cannot be reached, tries pass. Any thread.
class LoginLimits {
 public:
  /// `cache` outlives it.
  LoginLimits(cache::Cache& cache, LoginLimitOptions options);

  /// One try of a client (ClientKey) with an account; time until the next is allowed
  /// where this one is not. `account` empty: a try that names none is counted for the
  /// client alone, and never given back.
  std::optional<cache::Lifetime> Try(const std::string& account,
                                     const std::string& client);
  /// It was right, or not looked at.
  void GiveBack(const std::string& account, const std::string& client);
  std::optional<cache::Lifetime> SignUp(const std::string& client);

 private:
  std::optional<cache::Lifetime> Take(const std::string& key, std::uint64_t limit);

  cache::Cache& cache_;
  const LoginLimitOptions options_;
};

}  // namespace millrace::gateway
