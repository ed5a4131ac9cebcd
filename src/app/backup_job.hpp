#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "backup.hpp"

namespace millrace::app {

/// The backup that a server makes when it is asked to, in a thread; one at a time. Any
/// thread.
class BackupJob {
 public:
  explicit BackupJob(BackupSource source) : source_(source) {}
  ~BackupJob() { Stop(); }
  /// Cancels what runs, and whatever is started later. One thread.
  void Stop();

  /// kFenced: one is under way; kInvalidArgument: `to` is not an absolute path.
  Status Start(const std::filesystem::path& to);
  /// How the last one stands: {"state":"running","to":…,"done_bytes":…,"total_bytes":…},
  /// "done" with "files" and "bytes", "failed" with "code" (of ErrorCode) and "error", or
  /// "none".
  std::string Json() const;

 private:
  void Run();

  const BackupSource source_;
  CopyState state_;
  mutable std::mutex mutex_;
  std::filesystem::path to_;
  bool running_ = false;
  std::optional<Result<BackupReport>> result_;
  std::thread thread_;
};

/// The inverse of Json, for who asked: nullopt while it runs; `state` is told how far.
std::optional<Result<BackupReport>> ParseBackupJson(std::string_view json,
                                                    CopyState& state);

}  // namespace millrace::app
