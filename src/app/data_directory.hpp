#pragma once

#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace millrace::app {

/// Where everything of one data directory lies.
struct DataPaths {
  std::filesystem::path root;
  std::filesystem::path log() const { return root / "log"; }
  std::filesystem::path lake() const { return root / "lake"; }
  std::filesystem::path socket() const { return root / "millrace.sock"; }
  std::filesystem::path cursor_key() const { return root / "cursor.key"; }
  std::filesystem::path temporary() const { return root / "tmp"; }
  /// Names the project that was last served on it: for tools, which find it there.
  std::filesystem::path project() const { return root / "PROJECT"; }
};

/// One process a data directory: holds the lock as long as it lives. The kernel frees it
/// when the process ends, however it ends.
class DataDirectory {
 public:
  /// Creates the directory when `create`. kNotFound: it is not there, or no data
  /// directory; kFenced naming the pid: another process holds it; kInvalidArgument:
  /// made by a newer version, nothing was touched; kPermissionDenied.
  static Result<DataDirectory> Lock(const std::filesystem::path& root, bool create);
  /// As Lock(root, true), for a server: a command that looks at a stopped directory holds
  /// it for a moment, which must not refuse the server that starts just then.
  static Result<DataDirectory> LockForServer(const std::filesystem::path& root);
  const DataPaths& paths() const { return paths_; }

 private:
  DataDirectory(DataPaths paths, File lock)
      : paths_(std::move(paths)), lock_(std::move(lock)) {}
  DataPaths paths_;
  File lock_;
};

/// Leaves the project's directory with the data, for ProjectOf.
Status KeepProject(const DataPaths& paths, const std::filesystem::path& project);
/// The project that was last opened with these data; kNotFound: not known.
Result<std::filesystem::path> ProjectOf(const DataPaths& paths);

/// kNotFound unless `root` is a data directory; kPermissionDenied.
Status CheckDataDirectory(const std::filesystem::path& root);

}  // namespace millrace::app
