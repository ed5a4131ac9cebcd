#include "iceberg_table.hpp"

#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <charconv>

#include "base/failpoint.hpp"
#include "base/uuid.hpp"
#include "lake/compact.hpp"

namespace millrace::lake {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxMetadata = 1ULL << 30U;

std::int64_t LeadingNumber(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// "v12.metadata.json" → 12; 0 for other names.
std::int64_t MetadataVersion(std::string_view name) {
  if (!name.starts_with('v') || !name.ends_with(".metadata.json")) return 0;
  return LeadingNumber(name.substr(1));
}

/// Of the names that Avro and StagedFile make: "snap-00012.avro", "00012-0000-….parquet".
std::int64_t FileVersion(std::string_view name) {
  for (const std::string_view kind : {"snap-", "manifest-"}) {
    if (name.starts_with(kind)) name.remove_prefix(kind.size());
  }
  return LeadingNumber(name);
}

Result<std::vector<std::string>> NamesIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(SystemError("list", folder, error.value()));
  }
  return names;
}

Status CheckFolder(const fs::path& folder) {
  if (folder.string().find_first_of("?#%") != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument,
                folder.string() +
                    ": ? # and % have a meaning in an address: choose "
                    "another path");
  }
  MR_TRY(const auto names, NamesIn(folder));
  for (const auto& name : names) {
    if (name == "data" || name == "metadata" || name.starts_with('.')) continue;
    return Fail(ErrorCode::kInvalidArgument, folder.string() + " holds other files (" +
                                                 name + "): choose a new directory");
  }
  return {};
}

Result<File> Lock(const fs::path& folder) {
  MR_TRY(auto lock, File::OpenReadWrite(folder / "metadata" / ".lock"));
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Fail(ErrorCode::kFenced,
              folder.string() + ": another process writes this copy now");
}

std::int64_t NewSnapshotId(const Clock& clock) {
  const auto uuid = IdMaker(clock, 0).UuidV7();
  std::uint64_t id = 0;
  for (std::size_t i = 8; i < uuid.size(); ++i) id = id << 8u | uuid[i];
  return static_cast<std::int64_t>(id >> 1u);
}

}  // namespace

std::string IcebergTable::LocationOf(const fs::path& path) {
  return "file://" + path.string();
}

fs::path IcebergTable::Avro(std::string_view kind, std::int64_t version) const {
  return folder_ / "metadata" / fmt::format("{}-{:05}.avro", kind, version);
}

fs::path IcebergTable::Version(std::int64_t version) const {
  return folder_ / "metadata" / fmt::format("v{}.metadata.json", version);
}

fs::path IcebergTable::StagedFile(std::uint32_t partition, std::size_t number) const {
  return folder_ / "data" /
         fmt::format("{:05}-{:04}-{:05}.parquet.tmp", metadata_.version() + 1, partition,
                     number);
}

Result<fs::path> IcebergTable::Publish(const fs::path& staged) const {
  auto path = staged;
  path.replace_extension();
  MR_FAIL_POINT("compact.before_data_file");
  MR_CHECK_OK(PublishFile(staged, path));
  MR_FAIL_POINT("compact.after_data_file");
  return path;
}

Result<IcebergTable> IcebergTable::Open(const fs::path& folder, const Clock& clock) {
  MR_CHECK_OK(CheckFolder(folder));
  MR_CHECK_OK(MakeDirs(folder / "data"));
  MR_CHECK_OK(MakeDirs(folder / "metadata"));
  MR_TRY(auto lock, Lock(folder));
  IcebergTable table(folder, std::move(lock), clock);
  MR_CHECK_OK(table.Load());
  MR_CHECK_OK(table.RemoveLeftovers());
  MR_CHECK_OK(table.WriteHint());
  return table;
}

Status IcebergTable::Load() {
  MR_TRY(const auto names, NamesIn(folder_ / "metadata"));
  std::int64_t version = 0;
  for (const auto& name : names) version = std::max(version, MetadataVersion(name));
  if (version == 0) return {};
  // A process that was killed after it gave it its name may not have synced that.
  MR_CHECK_OK(SyncDir(folder_ / "metadata"));
  MR_TRY(const auto text, ReadFile(Version(version), kMaxMetadata));
  auto read = IcebergMetadata::Parse(text);
  if (!read) return Fail(std::move(read).error().During(Version(version).string()));
  metadata_ = std::move(*read);
  if (metadata_.version() != version) {
    return Fail(ErrorCode::kDataLoss, Version(version).string() +
                                          ": its snapshots are those of version " +
                                          std::to_string(metadata_.version()));
  }
  if (metadata_.location() == LocationOf(folder_)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              folder_.string() + " was made at " + metadata_.location() +
                  ", as all of its files say: move it back, or make a new copy");
}

/// By their names they belong to a version that is not there, or to a run that is over:
/// one that goes on has the lock.
Status IcebergTable::RemoveLeftovers() const {
  for (const auto* part : {"data", "metadata"}) {
    MR_TRY(const auto names, NamesIn(folder_ / part));
    for (const auto& name : names) {
      const bool file = name.ends_with(".parquet") || name.ends_with(".avro");
      const bool later = file && FileVersion(name) > metadata_.version();
      if (!later && !name.ends_with(".tmp")) continue;
      std::error_code failed;
      fs::remove(folder_ / part / name, failed);
      if (failed) {
        return Fail(SystemError("remove", folder_ / part / name, failed.value()));
      }
    }
  }
  MR_TRY(const auto names, NamesIn(folder_));
  for (const auto& name : names) {
    // Room for others; one that stays is in nobody's way.
    std::error_code ignored;
    if (name.starts_with(kSpillPrefix)) fs::remove_all(folder_ / name, ignored);
  }
  return {};
}

/// For readers that come without a catalogue.
Status IcebergTable::WriteHint() const {
  if (metadata_.version() == 0) return {};
  const auto path = folder_ / "metadata" / "version-hint.text";
  const auto hint = std::to_string(metadata_.version());
  const auto now = ReadFile(path);
  if (now && *now == hint) return {};
  return WriteFileDurably(path, hint);
}

Result<fs::path> IcebergTable::WriteManifests(const IcebergChange& change,
                                              std::int64_t snapshot_id) const {
  const auto version = metadata_.version() + 1;
  auto manifests = metadata_.Added();
  if (!change.files.empty()) {
    ManifestEntry added{"", 0, snapshot_id, version, 0, 0};
    added.files = static_cast<std::int64_t>(change.files.size());
    for (const auto& file : change.files) {
      added.rows += static_cast<std::int64_t>(file.rows);
    }
    MR_CHECK_OK(WriteFileDurably(
        Avro("manifest", version),
        ManifestAvro(change.schema, snapshot_id, version, change.files)));
    manifests.push_back(std::move(added));
  }
  // A version that brought no rows has none.
  std::erase_if(manifests, [](const auto& entry) { return entry.files == 0; });
  for (auto& entry : manifests) {
    const auto path = Avro("manifest", entry.sequence);
    std::error_code failed;
    entry.bytes = static_cast<std::int64_t>(fs::file_size(path, failed));
    if (failed)
      return Fail(ErrorCode::kDataLoss, path.string() + ": " + failed.message());
    entry.location = LocationOf(path);
  }
  auto list = Avro("snap", version);
  MR_CHECK_OK(WriteFileDurably(list, ManifestListAvro(snapshot_id, version, manifests)));
  return list;
}

Status IcebergTable::Commit(const IcebergChange& change) {
  const auto snapshot_id = NewSnapshotId(*clock_);
  const auto version = metadata_.version();
  MR_TRY(const auto list, WriteManifests(change, snapshot_id));
  MR_TRY(auto next,
         metadata_.With(change, snapshot_id, LocationOf(list),
                        version == 0 ? "" : LocationOf(Version(version)), *clock_));
  auto staged = Version(version + 1);
  staged += ".new.tmp";
  MR_CHECK_OK(WriteFileDurably(staged, next.ToText()));
  MR_FAIL_POINT("compact.before_publish");
  MR_CHECK_OK(PublishFile(staged, Version(version + 1)));
  MR_FAIL_POINT("compact.after_publish");
  metadata_ = std::move(next);
  return WriteHint();
}

}  // namespace millrace::lake
