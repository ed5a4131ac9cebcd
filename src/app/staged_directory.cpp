#include "staged_directory.hpp"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".partial";

Result<bool> IsAbsentOrEmpty(const fs::path& path) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return true;
  const bool empty = fs::is_directory(path, failed) && fs::is_empty(path, failed);
  if (failed) return Fail(SystemError("look into", path, failed.value()));
  return empty;
}

Status RemoveAll(const fs::path& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed) return Fail(SystemError("remove", path, failed.value()));
  return {};
}

/// The mark of a directory that is being filled; only one process can have it.
Result<File> TakeMark(const fs::path& partial) {
  MR_TRY(auto mark, File::OpenReadWrite(partial / kMark));
  if (flock(mark.fd(), LOCK_EX | LOCK_NB) == 0) return mark;
  return Fail(ErrorCode::kFenced,
              "another process is writing " + partial.string() + ": let it end");
}

/// What a killed process left goes; anything else stays and is an error.
Status ClearLeftover(const fs::path& partial) {
  MR_TRY(const bool free, IsAbsentOrEmpty(partial));
  if (free) return {};
  std::error_code failed;
  if (!fs::exists(partial / kMark, failed)) {
    return Fail(ErrorCode::kConflict, partial.string() +
                                          " is in the way and was not left by "
                                          "millrace: move it away");
  }
  MR_CHECK_OK(TakeMark(partial));
  return RemoveAll(partial);
}

Status SyncTree(const fs::path& root) {
  std::error_code failed;
  for (fs::recursive_directory_iterator at(root, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->is_directory()) MR_CHECK_OK(SyncDir(at->path()));
  }
  if (failed) return Fail(SystemError("list", root, failed.value()));
  return SyncDir(root);
}

}  // namespace

fs::path PlainPath(const fs::path& path) {
  auto plain = fs::absolute(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

Result<StagedDirectory> StagedDirectory::Begin(fs::path to) {
  to = PlainPath(to);
  MR_TRY(const bool free, IsAbsentOrEmpty(to));
  if (!free) {
    return Fail(ErrorCode::kConflict,
                to.string() + " is there and not empty: choose a new directory");
  }
  std::error_code failed;
  if (!fs::exists(to.parent_path(), failed)) {
    return Fail(ErrorCode::kNotFound,
                to.parent_path().string() + " is not there: make it, or mount it, first");
  }
  auto partial = to;
  partial += ".partial";
  MR_CHECK_OK(ClearLeftover(partial));
  MR_CHECK_OK(MakeDirs(partial));
  MR_TRY(auto mark, TakeMark(partial));
  return StagedDirectory(std::move(to), std::move(partial), std::move(mark));
}

StagedDirectory::~StagedDirectory() {
  if (mark_.is_open()) static_cast<void>(RemoveAll(partial_));
}

Result<std::vector<fs::path>> StagedDirectory::Files() const {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(partial_, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (!at->is_regular_file()) continue;
    auto relative = at->path().lexically_relative(partial_);
    if (relative != kMark) files.push_back(std::move(relative));
  }
  if (failed) return Fail(SystemError("list", partial_, failed.value()));
  std::ranges::sort(files);
  return files;
}

Status StagedDirectory::Publish() {
  MR_CHECK_OK(SyncTree(partial_));
  std::error_code failed;
  fs::rename(partial_, to_, failed);  // over an empty directory, too
  if (failed) return Fail(SystemError("publish", to_, failed.value()));
  mark_ = File();
  // A leftover mark in a whole directory means nothing.
  fs::remove(to_ / kMark, failed);
  return SyncDir(to_.parent_path());
}

}  // namespace millrace::app
