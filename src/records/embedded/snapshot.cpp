#include "snapshot.hpp"

#include "base/copy.hpp"
#include "base/file.hpp"
#include "records_embedded/database_copy.hpp"

namespace millrace::records {
namespace {

constexpr int kPagesAtOnce = 256;

struct Finish {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

Status CopyAll(Database& from, Database& to, const CopyProgress& progress) {
  MR_TRY(const auto page, from.QueryInt("PRAGMA page_size", 0));
  const std::unique_ptr<sqlite3_backup, Finish> backup(
      sqlite3_backup_init(to.get(), "main", from.get(), "main"));
  if (!backup) return Fail(SqliteError(to.get(), "begin a copy"));
  for (int left = 0;;) {
    const int code = sqlite3_backup_step(backup.get(), kPagesAtOnce);
    if (code != SQLITE_OK && code != SQLITE_DONE) {
      return Fail(SqliteError(to.get(), "copy a database"));
    }
    const int before = left == 0 ? sqlite3_backup_pagecount(backup.get()) : left;
    left = sqlite3_backup_remaining(backup.get());
    MR_CHECK_OK(progress(static_cast<std::uint64_t>(before - left) *
                         static_cast<std::uint64_t>(page)));
    if (code == SQLITE_DONE) return {};
  }
}

}  // namespace

Result<Database> OpenSnapshot(const std::filesystem::path& file) {
  MR_TRY(auto db, Database::Open(file, {.mode = Database::Mode::kForeignReader}));
  // The first read of the transaction is the moment.
  MR_CHECK_OK(db.Exec("BEGIN; SELECT count(*) FROM sqlite_master"));
  return db;
}

Status CopyPages(Database& snapshot, const std::filesystem::path& to,
                 const CopyProgress& progress) {
  {
    MR_TRY(auto target, Database::Open(to, {.mode = Database::Mode::kCopy}));
    auto copied = CopyAll(snapshot, target, progress);
    if (!copied) return Fail(std::move(copied.error()).During("copy to " + to.string()));
  }
  MR_TRY(auto file, File::OpenReadWrite(to));
  return file.SyncData();
}

Status CopyDatabase(const std::filesystem::path& from, const std::filesystem::path& to,
                    const CopyProgress& progress) {
  MR_TRY(auto snapshot, OpenSnapshot(from));
  MR_CHECK_OK(CreateLike(from, to));
  return CopyPages(snapshot, to, progress);
}

}  // namespace millrace::records
