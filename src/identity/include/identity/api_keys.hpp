#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/identity_db.hpp"
#include "query/principal.hpp"

namespace millrace::identity {

/// A key of a program, as it is listed: without its secret.
struct ApiKey {
  std::string id = {};  ///< the key begins with "mr_<id>_"
  std::string name = {};
  std::string role = {};    ///< what rules see as auth.role; may be empty
  std::string tenant = {};  ///< may be empty
  /// "orders:read", "orders:write", "*:read", "*:write", "*"; empty: as "*".
  std::vector<std::string> scopes = {};
  TimestampUs created_at = 0;
  TimestampUs expires_at = 0;  ///< 0: never
  TimestampUs revoked_at = 0;  ///< 0: not
};

/// Words between blanks.
std::vector<std::string> SplitScopes(std::string_view text);
std::string JoinScopes(const std::vector<std::string>& scopes);

/// API keys: `mr_<id>_<secret>`, 256 random bits, kept as SHA-256 alone. Any thread;
/// every change is durable when its call returns.
class ApiKeys {
 public:
  /// `db` and `clock` outlive it.
  static Result<std::unique_ptr<ApiKeys>> Open(IdentityDb& db, const Clock& clock);

  static bool IsKey(std::string_view text) { return text.starts_with("mr_"); }
  /// Takes name, role, tenant, scopes and expires_at of `wanted`. Gives the key itself,
  /// which nobody can show again, and its id. kInvalidArgument: a scope of another form.
  struct Created {
    std::string key;
    ApiKey as_listed;
  };
  Result<Created> Create(ApiKey wanted);
  /// Every one, the oldest first.
  std::vector<ApiKey> List() const;
  /// Refused from now on. kNotFound: no such key, or revoked already.
  Status Revoke(const std::string& id);
  /// Who comes with `key`; nullopt: unknown, revoked, or its time is over. Never blocks
  /// on the disk.
  std::optional<query::Principal> Check(std::string_view key) const;

 private:
  struct Kept {
    ApiKey key;
    std::string hash;
  };
  ApiKeys(IdentityDb& db, const Clock& clock) : db_(db), clock_(clock) {}
  Status Load();

  IdentityDb& db_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept, std::less<>> keys_;
};

}  // namespace millrace::identity
