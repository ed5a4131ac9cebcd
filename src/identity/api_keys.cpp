#include "identity/api_keys.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/bytes.hpp"
#include "ed25519.hpp"
#include "identity/token.hpp"

namespace millrace::identity {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::string_view kPrefix = "mr_";
constexpr std::size_t kIdDigits = 12;

bool IsScope(std::string_view scope) {
  if (scope == "*") return true;
  const auto colon = scope.find(':');
  if (colon == std::string_view::npos) return false;
  const auto name = scope.substr(0, colon);
  const auto right = scope.substr(colon + 1);
  const bool named = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
  });
  return (name == "*" || named) && (right == "read" || right == "write");
}

/// Of a new key: hexadecimal, so that it ends at the next "_".
Result<std::string> NewId() {
  MR_TRY(const auto random, NewSecret());
  std::string id;
  AppendHex(id, Hash64(random), 16);
  id.resize(kIdDigits);
  return id;
}

}  // namespace

std::vector<std::string> SplitScopes(std::string_view text) {
  std::vector<std::string> scopes;
  for (const auto part : std::views::split(text, ' ')) {
    if (!part.empty()) scopes.emplace_back(std::string_view(part));
  }
  return scopes;
}

std::string JoinScopes(const std::vector<std::string>& scopes) {
  std::string out;
  for (const auto& scope : scopes) out += (out.empty() ? "" : " ") + scope;
  return out;
}

Result<std::unique_ptr<ApiKeys>> ApiKeys::Open(IdentityDb& db, const Clock& clock) {
  std::unique_ptr<ApiKeys> keys(new ApiKeys(db, clock));
  MR_CHECK_OK(keys->Load());
  return keys;
}

Status ApiKeys::Load() {
  return db_.Read([&](Sqlite& db) -> Status {
    MR_TRY(auto select, db.Prepare("SELECT id, hash, name, role, tenant, scopes, "
                                   "created_at, expires_at, revoked_at FROM api_keys"));
    for (;;) {
      MR_TRY(const bool more, select.Step());
      if (!more) return {};
      const std::string id(select.Text(0));
      ApiKey key{id,
                 std::string(select.Text(2)),
                 std::string(select.Text(3)),
                 std::string(select.Text(4)),
                 SplitScopes(select.Text(5)),
                 select.Int(6),
                 select.Int(7),
                 select.Int(8)};
      keys_.insert_or_assign(id, Kept{std::move(key), std::string(select.Text(1))});
    }
  });
}

Result<ApiKeys::Created> ApiKeys::Create(ApiKey wanted) {
  for (const auto& scope : wanted.scopes) {
    if (!IsScope(scope))
      return Fail(ErrorCode::kInvalidArgument,
                  "\"" + scope + "\" is no scope: expected orders:read, orders:write, " +
                      "*:read, *:write or *");
  }
  MR_TRY(wanted.id, NewId());
  MR_TRY(const auto secret, NewSecret());
  wanted.created_at = clock_.Now();
  wanted.revoked_at = 0;
  const auto hash = Sha256Text(secret);
  const auto scopes = JoinScopes(wanted.scopes);
  MR_CHECK_OK(db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(auto insert,
           db.Prepare("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)"));
    insert.Bind(1, wanted.id).Bind(2, hash).Bind(3, wanted.name).Bind(4, wanted.role);
    insert.Bind(5, wanted.tenant).Bind(6, scopes).Bind(7, wanted.created_at);
    insert.Bind(8, wanted.expires_at);
    return insert.Finish();
  }));
  const std::scoped_lock lock(mutex_);
  keys_.insert_or_assign(wanted.id, Kept{wanted, hash});
  auto text = std::string(kPrefix) + wanted.id + '_' + secret;
  return Created{std::move(text), std::move(wanted)};
}

std::vector<ApiKey> ApiKeys::List() const {
  std::vector<ApiKey> list;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, kept] : keys_) list.push_back(kept.key);
  }
  std::ranges::sort(list, {},
                    [](const ApiKey& key) { return std::pair(key.created_at, key.id); });
  return list;
}

Status ApiKeys::Revoke(const std::string& id) {
  const auto now = clock_.Now();
  MR_CHECK_OK(db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(auto update, db.Prepare("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND "
                                   "revoked_at = 0 RETURNING id"));
    update.Bind(1, now).Bind(2, id);
    MR_TRY(const bool found, update.Step());
    if (!found) return Fail(ErrorCode::kNotFound, "no key " + Excerpt(id) + " in use");
    return update.Finish();
  }));
  const std::scoped_lock lock(mutex_);
  if (const auto at = keys_.find(id); at != keys_.end()) at->second.key.revoked_at = now;
  return {};
}

std::optional<query::Principal> ApiKeys::Check(std::string_view key) const {
  if (!IsKey(key)) return std::nullopt;
  key.remove_prefix(kPrefix.size());
  const auto end = key.find('_');
  if (end == std::string_view::npos) return std::nullopt;
  const auto hash = Sha256Text(key.substr(end + 1));
  const std::scoped_lock lock(mutex_);
  const auto at = keys_.find(key.substr(0, end));
  if (at == keys_.end()) return std::nullopt;
  const auto& [known, known_hash] = at->second;
  if (known_hash.size() != hash.size() ||
      CRYPTO_memcmp(known_hash.data(), hash.data(), hash.size()) != 0 ||
      known.revoked_at > 0 || (known.expires_at > 0 && known.expires_at <= clock_.Now()))
    return std::nullopt;
  query::Principal who;
  who.authenticated = true;
  who.role = known.role;
  who.tenant = known.tenant;
  who.key_id = known.id;
  who.scopes = known.scopes;
  who.expires_at = known.expires_at / kMicros;
  return who;
}

}  // namespace millrace::identity
