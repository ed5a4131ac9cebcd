#include "login_limits.hpp"

namespace millrace::gateway {
namespace {

/// The address has a fixed form and length, so that no account can look like another.
std::string AccountKey(const std::string& account, const std::string& client) {
  return "login account " + client + ' ' + account;
}
std::string AddressKey(const std::string& client) { return "login address " + client; }

}  // namespace

LoginLimits::LoginLimits(cache::Cache& cache, LoginLimitOptions options)
    : cache_(cache), options_(options) {}

std::optional<cache::Lifetime> LoginLimits::Take(const std::string& key,
                                                 std::uint64_t limit) {
  const auto taken = cache_.Take(key, {limit, options_.window, {}});
  if (!taken || taken->allowed) return std::nullopt;
  return taken->retry_after;
}

std::optional<cache::Lifetime> LoginLimits::Try(const std::string& account,
                                                const std::string& client) {
  const auto account_key = AccountKey(account, client);
  if (const auto wait = Take(account_key, options_.per_account)) return wait;
  const auto wait = Take(AddressKey(client), options_.per_address);
  if (wait) static_cast<void>(cache_.GiveBack(account_key));
  return wait;
}

void LoginLimits::GiveBack(const std::string& account, const std::string& client) {
  static_cast<void>(cache_.GiveBack(AccountKey(account, client)));
  static_cast<void>(cache_.GiveBack(AddressKey(client)));
}

std::optional<cache::Lifetime> LoginLimits::SignUp(const std::string& client) {
  return Take("sign-up " + client, options_.sign_ups);
}

}  // namespace millrace::gateway
