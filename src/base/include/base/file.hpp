#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace {

/// An owned file descriptor. Every error names the path and the system's reason; a full
/// disk or quota is kResourceExhausted, absent kNotFound, everything else kUnavailable.
/// fsync errors are never retried: the kernel may have dropped the pages (callers stop).
class File {
 public:
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  static Result<File> OpenRead(const std::filesystem::path& path);
  /// Creates it when absent.
  static Result<File> OpenReadWrite(const std::filesystem::path& path);
  /// kConflict when it exists.
  static Result<File> CreateNew(const std::filesystem::path& path);

  /// All of `data` at `offset`; short writes and EINTR are continued.
  Status WriteAt(std::uint64_t offset, std::string_view data);
  /// Reads up to `size` bytes; fewer only at the end of the file.
  Result<std::size_t> ReadAt(std::uint64_t offset, char* into, std::size_t size) const;
  /// fdatasync.
  Status SyncData();
  Status Truncate(std::uint64_t size);
  Result<std::uint64_t> Size() const;
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  const std::filesystem::path& path() const { return path_; }

 private:
  File(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::filesystem::path path_;
};

/// mkdir -p, with fsync of each parent that got a new entry.
Status MakeDirs(const std::filesystem::path& path);
/// Makes new names and removals in `path` durable.
Status SyncDir(const std::filesystem::path& path);
/// fsync of file and directory around renameat2(RENAME_NOREPLACE). kConflict if `to`
/// exists; `from` is left in that case.
Status PublishFile(const std::filesystem::path& from, const std::filesystem::path& to);
/// Whole content, at most `limit` bytes (kTooLarge beyond).
Result<std::string> ReadFile(const std::filesystem::path& path,
                             std::uint64_t limit = 64u << 20u);
/// Temporary file, fsync, rename over `path`, fsync of the directory.
Status WriteFileDurably(const std::filesystem::path& path, std::string_view content);
/// Error from errno for `path` ("open /x: Permission denied").
Error SystemError(std::string_view action, const std::filesystem::path& path, int code);

}  // namespace millrace
