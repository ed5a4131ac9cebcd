#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirMode = 0750;

Result<int> Open(const fs::path& path, int flags) {
  while (true) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, kFileMode);
    if (fd >= 0) return fd;
    if (errno != EINTR) return Fail(SystemError("open", path, errno));
  }
}

fs::path ParentOf(const fs::path& path) {
  const auto parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

Status SyncFile(const fs::path& path) {
  MR_TRY(auto file, File::OpenRead(path));
  if (fsync(file.fd()) != 0) return Fail(SystemError("fsync", path, errno));
  return {};
}

/// Whether `to` is new. Some file systems lack RENAME_NOREPLACE; a link refuses an
/// existing name as well, only that a crash may leave both names.
int RenameToNewName(const fs::path& from, const fs::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (link(from.c_str(), to.c_str()) != 0) return -1;
  return unlink(from.c_str());
}

}  // namespace

Error SystemError(std::string_view action, const fs::path& path, int code) {
  auto error_code = ErrorCode::kUnavailable;
  if (code == ENOSPC || code == EDQUOT) error_code = ErrorCode::kResourceExhausted;
  if (code == ENOENT) error_code = ErrorCode::kNotFound;
  if (code == EEXIST) error_code = ErrorCode::kConflict;
  char buffer[128];
  const char* const reason = strerror_r(code, buffer, sizeof buffer);
  return Error(error_code, std::string(action) + " " + path.string() + ": " + reason);
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) close(fd_);
  fd_ = std::exchange(other.fd_, -1);
  path_ = std::move(other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) close(fd_);
}

Result<File> File::OpenRead(const fs::path& path) {
  MR_TRY(const int fd, Open(path, O_RDONLY));
  return File(fd, path);
}

Result<File> File::OpenReadWrite(const fs::path& path) {
  MR_TRY(const int fd, Open(path, O_RDWR | O_CREAT));
  return File(fd, path);
}

Result<File> File::CreateNew(const fs::path& path) {
  MR_TRY(const int fd, Open(path, O_RDWR | O_CREAT | O_EXCL));
  return File(fd, path);
}

Status File::WriteAt(std::uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const auto written =
        pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return Fail(SystemError("write", path_, errno));
    }
    // A write of nothing would be asked for again for ever.
    if (written == 0) return Fail(SystemError("write", path_, ENOSPC));
    data.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<std::size_t> File::ReadAt(std::uint64_t offset, char* into,
                                 std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const auto got =
        pread(fd_, into + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return Fail(SystemError("read", path_, errno));
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status File::SyncData() {
  if (fdatasync(fd_) != 0) return Fail(SystemError("fdatasync", path_, errno));
  return {};
}

Status File::Truncate(std::uint64_t size) {
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    return Fail(SystemError("truncate", path_, errno));
  }
  return {};
}

Result<std::uint64_t> File::Size() const {
  struct stat info{};
  if (fstat(fd_, &info) != 0) return Fail(SystemError("stat", path_, errno));
  return static_cast<std::uint64_t>(info.st_size);
}

Status MakeDirs(const fs::path& path) {
  if (mkdir(path.c_str(), kDirMode) == 0) return SyncDir(ParentOf(path));
  if (errno == ENOENT && ParentOf(path) != path) {
    MR_CHECK_OK(MakeDirs(ParentOf(path)));
    return MakeDirs(path);
  }
  const int code = errno;
  struct stat info{};
  if (code == EEXIST && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return {};
  return Fail(SystemError("mkdir", path, code));
}

Status SyncDir(const fs::path& path) {
  MR_TRY(const int fd, Open(path, O_RDONLY | O_DIRECTORY));
  const int failed = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (failed != 0) return Fail(SystemError("fsync", path, failed));
  return {};
}

Status PublishFile(const fs::path& from, const fs::path& to) {
  MR_CHECK_OK(SyncFile(from));
  if (RenameToNewName(from, to) != 0) return Fail(SystemError("publish", to, errno));
  MR_CHECK_OK(SyncDir(ParentOf(to)));
  if (ParentOf(from) == ParentOf(to)) return {};
  return SyncDir(ParentOf(from));
}

Result<std::string> ReadFile(const fs::path& path, std::uint64_t limit) {
  MR_TRY(const auto file, File::OpenRead(path));
  MR_TRY(const auto size, file.Size());
  if (size > limit) {
    return Fail(ErrorCode::kTooLarge, "read " + path.string() + ": " +
                                          std::to_string(size) + " bytes, at most " +
                                          std::to_string(limit));
  }
  std::string content(size, '\0');
  MR_TRY(const auto got, file.ReadAt(0, content.data(), content.size()));
  content.resize(got);
  return content;
}

Status WriteFileDurably(const fs::path& path, std::string_view content) {
  // One name, not a random one: a crash leaves one file that the next write takes over.
  auto temporary = path;
  temporary += ".tmp";
  MR_TRY(auto file, File::OpenReadWrite(temporary));
  MR_CHECK_OK(file.Truncate(0));
  MR_CHECK_OK(file.WriteAt(0, content));
  if (fsync(file.fd()) != 0) return Fail(SystemError("fsync", temporary, errno));
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return Fail(SystemError("rename", path, errno));
  }
  return SyncDir(ParentOf(path));
}

}  // namespace millrace
