#include "identity/credentials.hpp"

#include <sys/stat.h>

#include <mutex>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "identity/token.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::identity {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr const char* kSchema = R"sql(
CREATE TABLE credentials (
  user_id TEXT PRIMARY KEY, password_hash TEXT NOT NULL, changed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
)sql";
constexpr std::string_view kSigningSecret = "hs256";

Result<std::int64_t> FormatOf(Sqlite& db) {
  MR_TRY(auto version, db.Prepare("PRAGMA user_version"));
  MR_TRY(const bool found, version.Step());
  return found ? version.Int(0) : 0;
}

Status Prepare(Sqlite& db, const std::filesystem::path& path) {
  MR_TRY(const auto format, FormatOf(db));
  if (format == kFormat) return {};
  if (format != 0) {
    return Fail(ErrorCode::kConflict,
                path.string() + " has format " + std::to_string(format) +
                    ", this version reads " + std::to_string(kFormat) +
                    "; nothing was touched");
  }
  SqliteTransaction transaction(db);
  MR_CHECK_OK(transaction.Begin());
  MR_CHECK_OK(db.Run(kSchema));
  return transaction.Commit();
}

}  // namespace

struct Credentials::Parts {
  explicit Parts(const Clock& time) : clock(time) {}

  std::mutex mutex;
  Sqlite db;
  const Clock& clock;

  /// First column of the only row; kNotFound.
  Result<std::string> Value(std::string_view sql, std::string_view key) {
    MR_TRY(auto select, db.Prepare(sql));
    select.Bind(1, key);
    MR_TRY(const bool found, select.Step());
    if (!found) return Fail(ErrorCode::kNotFound, "not there");
    return std::string(select.Text(0));
  }

  Status Remove(std::string_view user_id) {
    MR_TRY(auto remove, db.Prepare("DELETE FROM credentials WHERE user_id = ?"));
    remove.Bind(1, user_id);
    return remove.Finish();
  }

  Result<std::vector<std::string>> Users() {
    std::vector<std::string> users;
    MR_TRY(auto select, db.Prepare("SELECT user_id FROM credentials"));
    for (;;) {
      MR_TRY(const bool more, select.Step());
      if (!more) return users;
      users.emplace_back(select.Text(0));
    }
  }
};

Credentials::Credentials(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Credentials::~Credentials() = default;

Result<std::unique_ptr<Credentials>> Credentials::Open(
    const std::filesystem::path& directory, const Clock& clock) {
  const auto path = directory / "identity.db";
  {
    // SQLite gives its other files the mode of this one.
    MR_TRY(const auto file, File::OpenReadWrite(path));
    if (::fchmod(file.fd(), 0600) != 0) return Fail(SystemError("chmod", path, errno));
  }
  auto parts = std::make_unique<Parts>(clock);
  MR_TRY(parts->db, Sqlite::Open(path, Sqlite::Mode::kDurable));
  MR_CHECK_OK(Prepare(parts->db, path));
  MR_CHECK_OK(SyncDir(directory));
  return std::unique_ptr<Credentials>(new Credentials(std::move(parts)));
}

Status Credentials::Put(std::string_view user_id, std::string_view hash) {
  const std::scoped_lock lock(parts_->mutex);
  MR_TRY(auto put,
         parts_->db.Prepare("INSERT OR REPLACE INTO credentials VALUES (?, ?, ?)"));
  put.Bind(1, user_id).Bind(2, hash).Bind(3, parts_->clock.Now());
  return put.Finish();
}

Result<std::string> Credentials::Get(std::string_view user_id) {
  const std::scoped_lock lock(parts_->mutex);
  return parts_->Value("SELECT password_hash FROM credentials WHERE user_id = ?",
                       user_id);
}

Status Credentials::Remove(std::string_view user_id) {
  const std::scoped_lock lock(parts_->mutex);
  return parts_->Remove(user_id);
}

Result<std::size_t> Credentials::Sweep(
    const std::function<Result<bool>(const std::string&)>& exists) {
  const std::scoped_lock lock(parts_->mutex);
  MR_TRY(const auto users, parts_->Users());
  SqliteTransaction transaction(parts_->db);
  MR_CHECK_OK(transaction.Begin());
  std::size_t removed = 0;
  for (const auto& user : users) {
    MR_TRY(const bool there, exists(user));
    if (there) continue;
    MR_CHECK_OK(parts_->Remove(user));
    ++removed;
  }
  MR_CHECK_OK(transaction.Commit());
  return removed;
}

Result<std::string> Credentials::SigningSecret() {
  const std::scoped_lock lock(parts_->mutex);
  auto secret = parts_->Value("SELECT value FROM secrets WHERE name = ?", kSigningSecret);
  if (secret || secret.error().code() != ErrorCode::kNotFound) return secret;
  MR_TRY(auto made, NewSecret());
  MR_TRY(auto put, parts_->db.Prepare("INSERT INTO secrets VALUES (?, ?)"));
  put.Bind(1, kSigningSecret).Bind(2, made);
  MR_CHECK_OK(put.Finish());
  return made;
}

}  // namespace millrace::identity
