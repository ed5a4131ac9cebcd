#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "database.hpp"
#include "table.hpp"

namespace millrace::warehouse {

struct MergerOptions {
  MergeRule rule;
  std::uint64_t checkpoint_wal = 32u << 20u;  ///< bytes; see EmbeddedWarehouseOptions
  std::chrono::milliseconds quiet{2'000};     ///< see EmbeddedWarehouseOptions
  MergeObserver observer;
};

/// The thread that merges tables and folds the write-ahead log into the file, one thing
/// at a time: when the log is long, after a merge, and when writers have gone quiet,
/// since what is only in the log is in memory uncompressed. Asleep while nothing is due.
/// Any thread calls.
class Merger {
 public:
  static Result<std::unique_ptr<Merger>> Start(Database& database, MergerOptions options);
  /// Interrupts a merge under way: the next process goes on.
  ~Merger();
  Merger(const Merger&) = delete;
  Merger& operator=(const Merger&) = delete;

  /// After each write to `table`: what is due begins soon.
  void Consider(const std::shared_ptr<Table>& table);
  /// The same once writers have been quiet: what an earlier process left is no hurry. The
  /// filter of its keys is made at once.
  void ConsiderWhenQuiet(const std::shared_ptr<Table>& table);

 private:
  Merger(Database& database, MergerOptions options, std::unique_ptr<sql::Session> session)
      : database_(database), options_(std::move(options)), session_(std::move(session)) {}
  void Run();
  void MergeWhileDue(Table& table);
  void FilterKeys(Table& table);
  void CheckpointAt(std::uint64_t wal_bytes);
  void CheckpointWhenQuiet(std::unique_lock<std::mutex>& lock);
  void Report(std::string_view message, const Status& status);

  Database& database_;
  const MergerOptions options_;
  std::unique_ptr<sql::Session> session_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Table>> queue_;  ///< each once; shared with the warehouse
  std::deque<std::shared_ptr<Table>> when_quiet_;
  std::deque<std::shared_ptr<Table>> unfiltered_;  ///< filters of their keys are wanted
  std::shared_ptr<Table> current_;
  bool log_is_long_ = false;
  std::optional<std::chrono::steady_clock::time_point> written_;  ///< not yet folded
  std::atomic<bool> stop_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace millrace::warehouse
