#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// Carries the write-ahead log into the database file beside the writer, on a connection
/// and a thread of its own. SQLite starts the log anew only when all of it is carried
/// over, which beside a busy writer never happens: so the last few pages are left to the
/// writer, between two groups (FinishNow).
class Checkpointer {
 public:
  static Result<std::unique_ptr<Checkpointer>> Start(const std::filesystem::path& file);
  ~Checkpointer();

  /// From the writer, after each commit, with the log's length in pages.
  void Committed(int log_pages);
  /// Whether the writer is to call Finish before its next group.
  bool FinishNow(int log_pages) const;
  /// On the writer's connection, outside a transaction.
  void Finish(Database& db);
  /// An I/O error of a checkpoint: nothing may be acknowledged any more, since pages that
  /// a failed fsync has dropped cannot be asked for again.
  std::optional<Error> fault() const;

 private:
  explicit Checkpointer(Database db) : db_(std::move(db)) {}
  void Run();
  void Checkpoint(Database& db);

  Database db_;
  std::atomic<bool> finish_{false};
  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  bool want_ = false;
  bool stop_ = false;
  std::optional<Error> fault_;
  std::thread thread_;
};

}  // namespace millrace::records
