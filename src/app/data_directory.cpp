#include "data_directory.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/time.hpp"

namespace millrace::app {
namespace {

constexpr std::string_view kFormat = "millrace-data 1\n";
constexpr std::string_view kFormatFile = "FORMAT";
constexpr std::string_view kLockFile = "LOCK";
constexpr std::size_t kLongestPath = 65'536;
constexpr std::chrono::milliseconds kWaitForCommands{2'000};
constexpr std::chrono::milliseconds kLookAgain{20};

Status CheckFormat(const std::filesystem::path& root) {
  MR_TRY(const auto format, ReadFile(root / kFormatFile, 4096));
  if (format == kFormat) return {};
  return Fail(ErrorCode::kInvalidArgument,
              root.string() +
                  " was written by another version of millrace (FORMAT says \"" +
                  format.substr(0, format.find('\n')) + "\", this one reads \"" +
                  std::string(kFormat.substr(0, kFormat.size() - 1)) +
                  "\"); nothing was touched");
}

/// What one may not look into is not absent.
Result<bool> HasFormat(const std::filesystem::path& root) {
  std::error_code failed;
  const bool known = std::filesystem::exists(root / kFormatFile, failed);
  if (failed != std::errc::permission_denied) return known;
  return Fail(ErrorCode::kPermissionDenied, "cannot look into " + root.string() + ": " +
                                                failed.message() +
                                                "; run as the user whose data these are");
}

/// What only reads, too, takes the lock, and SQLite writes beside its files.
Error NotWritable(const Error& error, const std::filesystem::path& root) {
  if (access(root.c_str(), W_OK) == 0 || (errno != EROFS && errno != EACCES))
    return error;
  return {error.code(), error.message() +
                            "; a data directory is read with write access (a lock and "
                            "SQLite's files): copy it, or run as its owner"};
}

std::string HolderOf(const File& lock) {
  char text[32] = {};
  const auto size = lock.ReadAt(0, text, sizeof text - 1);
  if (!size || *size == 0) return "another process";
  std::string pid(text, *size);
  pid.resize(pid.find_last_not_of(" \n") + 1);
  return "process " + pid;
}

Status TakeLock(File& lock, const std::filesystem::path& root) {
  if (flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Fail(SystemError("lock", lock.path(), errno));
    return Fail(ErrorCode::kFenced,
                root.string() + " is in use by " + HolderOf(lock) +
                    ": stop it, or choose another directory with --data");
  }
  MR_CHECK_OK(lock.Truncate(0));
  return lock.WriteAt(0, std::to_string(getpid()) + "\n");
}

}  // namespace

Status KeepProject(const DataPaths& paths, const std::filesystem::path& project) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(project, failed).lexically_normal();
  if (const auto known = ProjectOf(paths); known && *known == absolute) return {};
  return WriteFileDurably(paths.project(), absolute.string() + "\n");
}

Result<std::filesystem::path> ProjectOf(const DataPaths& paths) {
  MR_TRY(auto text, ReadFile(paths.project(), kLongestPath));
  if (text.ends_with('\n')) text.pop_back();
  return std::filesystem::path(text);
}

Status CheckDataDirectory(const std::filesystem::path& root) {
  MR_TRY(const bool known, HasFormat(root));
  if (known) return CheckFormat(root);
  return Fail(ErrorCode::kNotFound,
              root.string() + " is not a millrace data directory (no FORMAT file in it)");
}

Result<DataDirectory> DataDirectory::LockForServer(const std::filesystem::path& root) {
  const auto until = Deadline::After(kWaitForCommands);
  for (;;) {
    auto directory = Lock(root, true);
    if (directory || directory.error().code() != ErrorCode::kFenced || until.expired()) {
      return directory;
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

Result<DataDirectory> DataDirectory::Lock(const std::filesystem::path& root,
                                          bool create) {
  MR_TRY(const bool known, HasFormat(root));
  if (!known && !create) return Fail(CheckDataDirectory(root).error());
  if (!known) MR_CHECK_OK(MakeDirs(root));
  auto lock = File::OpenReadWrite(root / kLockFile);
  if (!lock) return Fail(NotWritable(lock.error(), root));
  MR_CHECK_OK(TakeLock(*lock, root));
  if (known) {
    MR_CHECK_OK(CheckFormat(root));
  } else {
    MR_CHECK_OK(WriteFileDurably(root / kFormatFile, kFormat));
  }
  return DataDirectory(DataPaths{root}, std::move(*lock));
}

}  // namespace millrace::app
