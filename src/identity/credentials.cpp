#include "identity/credentials.hpp"

#include "identity/token.hpp"

namespace millrace::identity {
namespace {

constexpr std::string_view kSigningSecret = "hs256";

Status RemoveFrom(Sqlite& db, std::string_view user_id) {
  MR_TRY(auto remove, db.Prepare("DELETE FROM credentials WHERE user_id = ?"));
  remove.Bind(1, user_id);
  return remove.Finish();
}

Result<std::vector<std::string>> UsersIn(Sqlite& db) {
  std::vector<std::string> users;
  MR_TRY(auto select, db.Prepare("SELECT user_id FROM credentials"));
  for (;;) {
    MR_TRY(const bool more, select.Step());
    if (!more) return users;
    users.emplace_back(select.Text(0));
  }
}

}  // namespace

Status Credentials::Put(std::string_view user_id, std::string_view hash) {
  return db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(auto put,
           db.Prepare("INSERT INTO credentials (user_id, password_hash, changed_at) "
                      "VALUES (?1, ?2, ?3) ON CONFLICT (user_id) DO UPDATE SET "
                      "password_hash = ?2, changed_at = ?3"));
    put.Bind(1, user_id).Bind(2, hash).Bind(3, clock_.Now());
    return put.Finish();
  });
}

Status Credentials::Put(std::string_view user_id, const Credential& credential) {
  return db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(auto put,
           db.Prepare("INSERT OR REPLACE INTO credentials "
                      "(user_id, password_hash, changed_at, role, tenant, disabled) "
                      "VALUES (?, ?, ?, ?, ?, ?)"));
    put.Bind(1, user_id).Bind(2, credential.password_hash).Bind(3, clock_.Now());
    put.Bind(4, credential.role).Bind(5, credential.tenant);
    put.Bind(6, std::int64_t{credential.disabled});
    return put.Finish();
  });
}

Result<bool> Credentials::Renew(std::string_view user_id, std::string_view old,
                                std::string_view hash) {
  const auto now = clock_.Now();
  return db_.Write([&](Sqlite& db) -> Result<bool> {
    MR_TRY(auto update, db.Prepare("UPDATE credentials SET password_hash = ?, changed_at "
                                   "= ? WHERE user_id = ? AND password_hash = ? "
                                   "RETURNING user_id"));
    update.Bind(1, hash).Bind(2, now).Bind(3, user_id).Bind(4, old);
    MR_TRY(const bool renewed, update.Step());
    if (renewed) MR_CHECK_OK(update.Finish());
    return renewed;
  });
}

Result<Credential> Credentials::Change(std::string_view user_id,
                                       const CredentialChange& change) {
  const auto now = clock_.Now();
  return db_.Write([&](Sqlite& db) -> Result<Credential> {
    MR_TRY(auto add,
           db.Prepare("INSERT OR IGNORE INTO credentials (user_id, password_hash, "
                      "changed_at) VALUES (?, '', ?)"));
    add.Bind(1, user_id).Bind(2, now);
    MR_CHECK_OK(add.Finish());
    MR_TRY(auto update,
           db.Prepare("UPDATE credentials SET changed_at = ?2, password_hash = "
                      "coalesce(?3, password_hash), role = coalesce(?4, role), tenant = "
                      "coalesce(?5, tenant), disabled = coalesce(?6, disabled) WHERE "
                      "user_id = ?1"));
    // What is not bound is null.
    update.Bind(1, user_id).Bind(2, now);
    if (change.password_hash) update.Bind(3, *change.password_hash);
    if (change.role) update.Bind(4, *change.role);
    if (change.tenant) update.Bind(5, *change.tenant);
    if (change.disabled) update.Bind(6, std::int64_t{*change.disabled});
    MR_CHECK_OK(update.Finish());
    MR_TRY(auto changed, Find(db, user_id));
    return std::move(*changed);
  });
}

Result<std::optional<Credential>> Credentials::Find(Sqlite& db,
                                                    std::string_view user_id) {
  MR_TRY(auto select, db.Prepare("SELECT password_hash, role, tenant, disabled FROM "
                                 "credentials WHERE user_id = ?"));
  select.Bind(1, user_id);
  MR_TRY(const bool found, select.Step());
  if (!found) return std::nullopt;
  return Credential{std::string(select.Text(0)), std::string(select.Text(1)),
                    std::string(select.Text(2)), select.Int(3) != 0};
}

Result<Credential> Credentials::Get(std::string_view user_id) {
  MR_TRY(auto found, db_.Read([&](Sqlite& db) { return Find(db, user_id); }));
  if (!found) return Fail(ErrorCode::kNotFound, "not there");
  return std::move(*found);
}

Status Credentials::Remove(std::string_view user_id) {
  return db_.Write([&](Sqlite& db) { return RemoveFrom(db, user_id); });
}

Result<std::vector<std::string>> Credentials::Sweep(
    const std::function<Result<bool>(const std::string&)>& exists) {
  return db_.Write([&](Sqlite& db) -> Result<std::vector<std::string>> {
    MR_TRY(auto users, UsersIn(db));
    std::vector<std::string> removed;
    for (auto& user : users) {
      MR_TRY(const bool there, exists(user));
      if (there) continue;
      MR_CHECK_OK(RemoveFrom(db, user));
      removed.push_back(std::move(user));
    }
    return removed;
  });
}

Result<std::string> Credentials::SigningSecret() {
  return db_.Write([&](Sqlite& db) -> Result<std::string> {
    MR_TRY(auto select, db.Prepare("SELECT value FROM secrets WHERE name = ?"));
    select.Bind(1, kSigningSecret);
    MR_TRY(const bool found, select.Step());
    if (found) return std::string(select.Text(0));
    MR_TRY(auto made, NewSecret());
    MR_TRY(auto put, db.Prepare("INSERT INTO secrets VALUES (?, ?)"));
    put.Bind(1, kSigningSecret).Bind(2, made);
    MR_CHECK_OK(put.Finish());
    return made;
  });
}

}  // namespace millrace::identity
