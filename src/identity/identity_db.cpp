#include "identity/identity_db.hpp"

#include <sys/stat.h>

#include <string>

#include "base/file.hpp"

namespace millrace::identity {
namespace {

constexpr std::int64_t kFormat = 2;
constexpr const char* kFormat1 = R"sql(
CREATE TABLE credentials (
  user_id TEXT PRIMARY KEY, password_hash TEXT NOT NULL, changed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
)sql";
constexpr const char* kFormat2 = R"sql(
ALTER TABLE credentials ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE credentials ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
  address TEXT NOT NULL, agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY, session_id TEXT NOT NULL, spent_at INTEGER NOT NULL,
  spent_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
  tenant TEXT NOT NULL, scopes TEXT NOT NULL, created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY, private TEXT NOT NULL, state TEXT NOT NULL,
  created_at INTEGER NOT NULL, retired_at INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 2;
)sql";

Result<std::int64_t> FormatOf(Sqlite& db) {
  MR_TRY(auto version, db.Prepare("PRAGMA user_version"));
  MR_TRY(const bool found, version.Step());
  return found ? version.Int(0) : 0;
}

Status Prepare(Sqlite& db, const std::filesystem::path& path) {
  MR_TRY(const auto format, FormatOf(db));
  if (format == kFormat) return {};
  if (format > kFormat) {
    return Fail(ErrorCode::kConflict,
                path.string() + " has format " + std::to_string(format) +
                    ", this version reads up to " + std::to_string(kFormat) +
                    "; nothing was touched");
  }
  SqliteTransaction transaction(db);
  MR_CHECK_OK(transaction.Begin());
  if (format == 0) MR_CHECK_OK(db.Run(kFormat1));
  MR_CHECK_OK(db.Run(kFormat2));
  return transaction.Commit();
}

}  // namespace

Result<std::unique_ptr<IdentityDb>> IdentityDb::Open(
    const std::filesystem::path& directory) {
  const auto path = directory / "identity.db";
  {
    // SQLite gives its other files the mode of this one.
    MR_TRY(const auto file, File::OpenReadWrite(path));
    if (::fchmod(file.fd(), 0600) != 0) return Fail(SystemError("chmod", path, errno));
  }
  MR_TRY(auto db, Sqlite::Open(path, Sqlite::Mode::kDurable));
  MR_CHECK_OK(Prepare(db, path));
  MR_CHECK_OK(SyncDir(directory));
  return std::unique_ptr<IdentityDb>(new IdentityDb(std::move(db)));
}

}  // namespace millrace::identity
