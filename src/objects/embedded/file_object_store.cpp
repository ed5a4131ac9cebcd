#include "objects_embedded/file_object_store.hpp"

#include <algorithm>

#include "base/file.hpp"

namespace millrace::objects {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStaging = "_staging";

bool Hidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.empty() || name.front() == '.' || name.front() == '_';
}

/// Visible files right in `directory`; none if it is absent.
Result<std::vector<ObjectInfo>> FilesIn(const fs::path& directory) {
  std::vector<ObjectInfo> out;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    if (Hidden(at->path()) || !at->is_regular_file(gone) || gone) continue;
    const auto bytes = at->file_size(gone);
    if (!gone) out.push_back({at->path().filename().string(), bytes});
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(SystemError("list", directory, error.value()));
  }
  std::ranges::sort(out, {}, &ObjectInfo::name);
  return out;
}

/// Files whose names begin with `prefix`.
Status RemoveAllIn(const fs::path& directory, const std::string& prefix) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().starts_with(prefix)) left.push_back(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(SystemError("list", directory, error.value()));
  }
  for (const fs::path& path : left) {
    fs::remove_all(path, error);
    if (error) return Fail(SystemError("remove", path, error.value()));
  }
  return {};
}

}  // namespace

Status FileObjectStore::Recover(const std::string& folder, const std::string& prefix) {
  MR_CHECK_OK(CheckFolder(folder));
  const fs::path directory = root_ / folder;
  MR_CHECK_OK(RemoveAllIn(directory / kStaging, prefix));
  MR_CHECK_OK(MakeDirs(directory / kStaging));
  // The files were synced before they were renamed; their names may not have been. The
  // same holds for the folders themselves, up to the root.
  for (fs::path at = folder; !at.empty(); at = at.parent_path()) {
    MR_CHECK_OK(SyncDir(root_ / at));
  }
  return SyncDir(root_);
}

Result<fs::path> FileObjectStore::StagingPath(const std::string& folder,
                                              const std::string& name) {
  MR_CHECK_OK(CheckFolder(folder));
  MR_CHECK_OK(CheckName(name));
  return root_ / folder / kStaging / name;
}

Status FileObjectStore::PutIfAbsent(const std::string& folder, const std::string& name) {
  MR_TRY(const fs::path staged, StagingPath(folder, name));
  auto published = PublishFile(staged, root_ / folder / name);
  if (published || published.error().code() == ErrorCode::kConflict) return published;
  std::error_code ignored;
  if (fs::exists(staged, ignored)) return published;
  if (published.error().code() == ErrorCode::kNotFound) return published;
  // It was renamed, and what follows failed.
  return Fail(ErrorCode::kDeadlineExceeded, published.error().message());
}

Result<std::vector<ObjectInfo>> FileObjectStore::List(const std::string& folder) {
  MR_CHECK_OK(CheckFolder(folder));
  return FilesIn(root_ / folder);
}

Result<std::string> FileObjectStore::ReadablePath(const std::string& folder,
                                                  const std::string& name) {
  MR_CHECK_OK(CheckFolder(folder));
  MR_CHECK_OK(CheckName(name));
  return (root_ / folder / name).string();
}

Result<std::vector<std::string>> FileObjectStore::Folders() {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    if (!at->is_directory(gone) || gone) continue;
    if (Hidden(at->path())) {
      at.disable_recursion_pending();
      continue;
    }
    MR_TRY(const auto files, FilesIn(at->path()));
    if (!files.empty()) out.push_back(fs::relative(at->path(), root_, gone).string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(SystemError("list", root_, error.value()));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace millrace::objects
