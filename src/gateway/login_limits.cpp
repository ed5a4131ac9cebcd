#include "login_limits.hpp"

#include "base/bytes.hpp"

namespace millrace::gateway {
namespace {

/// Of one length, whatever was typed for an account. Who finds two accounts of one
/// digest has fewer tries, not more.
std::string AccountKey(const std::string& account, const std::string& client) {
  auto key = "login account " + client + ' ';
  AppendHex(key, Hash64(account), 16);
  return key;
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
  // The address first: one that is refused adds no accounts to what is counted.
  const auto address_key = AddressKey(client);
  if (const auto wait = Take(address_key, options_.per_address)) return wait;
  if (account.empty()) return std::nullopt;
  const auto wait = Take(AccountKey(account, client), options_.per_account);
  if (wait) static_cast<void>(cache_.GiveBack(address_key));
  return wait;
}

void LoginLimits::GiveBack(const std::string& account, const std::string& client) {
  if (account.empty()) return;
  static_cast<void>(cache_.GiveBack(AccountKey(account, client)));
  static_cast<void>(cache_.GiveBack(AddressKey(client)));
}

std::optional<cache::Lifetime> LoginLimits::SignUp(const std::string& client) {
  return Take("sign-up " + client, options_.sign_ups);
}

}  // namespace millrace::gateway
