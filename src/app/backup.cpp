#include "backup.hpp"

#include "backup_manifest.hpp"
#include "base/failpoint.hpp"
#include "base/time.hpp"
#include "lake_copy.hpp"
#include "records_embedded/database_copy.hpp"
#include "staged_directory.hpp"
#include "version.hpp"

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

CopyProgress Watch(CopyState& state) {
  return [&state](std::uint64_t bytes) -> Status {
    state.done_bytes += bytes;
    if (!state.cancel) return {};
    return Fail(ErrorCode::kUnavailable, "cancelled, nothing is left of it");
  };
}

std::uint64_t SizeOf(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(directory, options, failed), end;
       !failed && at != end; at.increment(failed)) {
    std::error_code gone;
    const auto size = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

/// Better now than after an hour. Others may take the room meanwhile.
Status CheckRoom(const fs::path& in, std::uint64_t bytes) {
  std::error_code failed;
  const auto space = fs::space(in, failed);
  if (failed || space.available >= bytes) return {};
  return Fail(ErrorCode::kResourceExhausted,
              "about " + std::to_string(bytes >> 20u) + " MiB are needed in " +
                  in.parent_path().string() + ", and " +
                  std::to_string(space.available >> 20u) + " MiB are free");
}

Status CheckOutside(const fs::path& from, const fs::path& to) {
  const auto relative = PlainPath(to).lexically_relative(PlainPath(from));
  if (relative.empty() || *relative.begin() == "..") return {};
  return Fail(ErrorCode::kInvalidArgument,
              to.string() + " lies in " + from.string() + ": choose one outside of it");
}

/// Each receiver before its sender, so that in the copy none knows more than what feeds
/// it: lookups, tables, lakes, and the letters they left, then the log, then the records.
class Backup {
 public:
  Backup(const BackupSource& source, const fs::path& to, CopyState& state)
      : source_(source), to_(to), progress_(Watch(state)) {}

  Status CopyAll() {
    // Most of the log, so that little is left for the moment in which trimming waits, and
    // so that retention cannot drop what the receivers still need.
    MR_CHECK_OK(source_.log.CopyTo(to_ / "log", progress_));
    // Before the sinks: it forgets history that they are past.
    MR_CHECK_OK(CopyLookups());
    MR_CHECK_OK(source_.warehouse.CopyTo(to_ / "warehouse.duckdb", progress_));
    MR_FAIL_POINT("backup.after_warehouse");
    MR_CHECK_OK(CopyLake(source_.paths.lake(), to_ / "lake", progress_));
    MR_CHECK_OK(CopyIfThere("pipelines.db"));
    const auto copy_log = [&] { return source_.log.CopyTo(to_ / "log", progress_); };
    if (source_.records != nullptr) {
      MR_CHECK_OK(source_.records->CopyTo(to_ / "records.db", copy_log, progress_));
    } else {
      MR_CHECK_OK(copy_log());
      MR_CHECK_OK(CopyIfThere("records.db"));
    }
    MR_FAIL_POINT("backup.after_records");
    if (const auto project = ProjectOf(source_.paths)) {
      MR_CHECK_OK(KeepProject({to_}, *project));
    }
    // After the records: each user in the copy has its credential there.
    MR_CHECK_OK(CopyIfThere("identity.db"));
    MR_TRY(const auto format, ReadFile(source_.paths.root / "FORMAT"));
    return WriteFileDurably(to_ / "FORMAT", format);
  }

 private:
  Status CopyIfThere(const fs::path& name) {
    std::error_code absent;
    if (!fs::exists(source_.paths.root / name, absent)) return {};
    return records::CopyDatabase(source_.paths.root / name, to_ / name, progress_);
  }

  Status CopyLookups() {
    const auto from = source_.paths.root / "lookups";
    std::error_code failed;
    for (fs::directory_iterator at(from, failed), end; !failed && at != end;
         at.increment(failed)) {
      if (at->path().extension() != ".db") continue;
      MR_CHECK_OK(MakeDirs(to_ / "lookups"));
      MR_CHECK_OK(CopyIfThere(fs::path("lookups") / at->path().filename()));
    }
    return {};
  }

  const BackupSource& source_;
  const fs::path& to_;
  const CopyProgress progress_;
};

/// Reads every file again: what the manifest has is what a restore will find.
Result<BackupManifest> Summarize(const StagedDirectory& staged, CopyState& state) {
  BackupManifest manifest;
  manifest.made_by = kVersion;
  AppendTimestamp(manifest.made_at, SystemClock().Now());
  MR_TRY(const auto files, staged.Files());
  for (const auto& file : files) {
    MR_TRY(const auto sum, SumFile(staged.path() / file, Watch(state)));
    manifest.files.push_back({file, sum});
  }
  return manifest;
}

Result<BackupManifest> ReadManifest(const fs::path& backup) {
  auto text = ReadFile(backup / kManifestFile, std::uint64_t{1} << 30u);
  if (!text && text.error().code() == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound,
                backup.string() + " is no backup, or not a whole one: it has no " +
                    std::string(kManifestFile));
  }
  MR_CHECK_OK(text);
  return ParseManifest(*text);
}

Status RestoreFile(const fs::path& backup, const fs::path& to,
                   const BackupManifest::Entry& entry, const CopyProgress& progress) {
  MR_CHECK_OK(MakeDirs((to / entry.path).parent_path()));
  auto copied = CopyUpTo(backup / entry.path, to / entry.path, entry.sum.bytes, progress);
  if (!copied && copied.error().code() == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kDataLoss,
                "the backup lacks " + entry.path.string() + ": take another one");
  }
  MR_CHECK_OK(copied);
  MR_TRY(const auto sum, SumFile(to / entry.path, progress));
  std::error_code failed;
  if (sum == entry.sum && fs::file_size(backup / entry.path, failed) == sum.bytes) {
    return {};
  }
  return Fail(ErrorCode::kDataLoss, "the backup's " + entry.path.string() +
                                        " is not what was written: take another one");
}

}  // namespace

Result<BackupReport> BackUp(const BackupSource& source, const fs::path& to,
                            CopyState& state) {
  MR_CHECK_OK(CheckOutside(source.paths.root, to));
  const auto bytes = SizeOf(source.paths.root);
  state.total_bytes = 2 * bytes;
  MR_TRY(auto staged, StagedDirectory::Begin(to));
  MR_CHECK_OK(CheckRoom(staged.path(), bytes));
  MR_CHECK_OK(Backup(source, staged.path(), state).CopyAll());
  MR_TRY(const auto manifest, Summarize(staged, state));
  MR_CHECK_OK(WriteFileDurably(staged.path() / kManifestFile, ToText(manifest)));
  MR_FAIL_POINT("backup.before_publish");
  MR_CHECK_OK(staged.Publish());
  return BackupReport{manifest.files.size(), manifest.bytes()};
}

Result<BackupReport> Restore(const fs::path& backup, const fs::path& to,
                             CopyState& state) {
  MR_CHECK_OK(CheckOutside(backup, to));
  MR_TRY(const auto manifest, ReadManifest(backup));
  state.total_bytes = 2 * manifest.bytes();
  MR_TRY(auto staged, StagedDirectory::Begin(to));
  MR_CHECK_OK(CheckRoom(staged.path(), manifest.bytes()));
  for (const auto& entry : manifest.files) {
    MR_CHECK_OK(RestoreFile(backup, staged.path(), entry, Watch(state)));
  }
  const auto epoch = records::RaiseEpoch(staged.path(), SystemClock().Now());
  if (!epoch && epoch.error().code() != ErrorCode::kNotFound) return Fail(epoch.error());
  MR_FAIL_POINT("restore.before_publish");
  MR_CHECK_OK(staged.Publish());
  return BackupReport{manifest.files.size(), manifest.bytes()};
}

}  // namespace millrace::app
