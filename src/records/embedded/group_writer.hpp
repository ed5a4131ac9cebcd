#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "change_tail.hpp"
#include "checkpointer.hpp"
#include "idempotency_table.hpp"
#include "metrics.hpp"
#include "record_writer.hpp"
#include "records/record_store.hpp"
#include "sqlite.hpp"
#include "telemetry/log.hpp"
#include "trim_limit.hpp"
#include "write_queue.hpp"

namespace millrace::records {

/// The one writer: takes what waits in the queue as one group, one transaction, one
/// fdatasync, then answers all of the group. While a group is on its way to the disk the
/// next one gathers; nothing waits on purpose.
class GroupWriter {
 public:
  struct Options {
    std::size_t group_max = 0;
    std::size_t queue_max = 0;
    std::uint64_t queue_max_bytes = 0;
    std::chrono::milliseconds idle_trim{};
  };
  /// `db` is the only connection that writes. `tail` and the others must outlive this.
  static Result<std::unique_ptr<GroupWriter>> Start(Database db,
                                                    std::unique_ptr<RecordWriter> records,
                                                    Checkpointer& checkpointer,
                                                    ChangeTail& tail, Metrics& metrics,
                                                    telemetry::Logger* logger,
                                                    const Options& options);
  /// Finishes what was submitted.
  ~GroupWriter();

  void Submit(WriteRequest request) { queue_.Add(std::move(request)); }
  void Trim(std::uint64_t upto);
  /// Until ReleaseTrim no row is removed that Trim did not name before.
  void HoldTrim() { trim_limit_.Hold(); }
  void ReleaseTrim() {
    trim_limit_.Release();
    queue_.Nudge();  // what was held is due again
  }
  /// Changes up to here are gone from the file.
  std::uint64_t trimmed() const { return trimmed_.load(std::memory_order_acquire); }
  /// The error that ended all writing, if there was one.
  Status health() const;

 private:
  struct Outcome {
    Answer answer;
    bool replayed = false;
  };
  using Time = std::chrono::steady_clock::time_point;

  GroupWriter(Database db, std::unique_ptr<RecordWriter> records,
              Checkpointer& checkpointer, ChangeTail& tail, Metrics& metrics,
              telemetry::Logger* logger, const Options& options);
  Status Prepare();
  void Run();
  bool TrimPending() const;
  std::optional<Time> TrimDue() const;
  /// Answers as many of them, from the first on, as fit into one group.
  std::size_t RunGroup(std::span<WriteRequest> requests);
  Status CommitGroup(std::span<WriteRequest> requests, std::vector<Outcome>& outcomes);
  Status Execute(WriteRequest& request, Outcome& outcome);
  Status ExecuteOnce(WriteRequest& request, Outcome& outcome);
  Status RunStatement(Statement& statement, std::string_view action);
  void Publish();
  void RollBack(const Error& error);
  std::size_t Refuse(std::span<WriteRequest> requests, const Error& error);

  Database db_;
  std::unique_ptr<RecordWriter> records_;
  IdempotencyTable idempotency_;
  Checkpointer& checkpointer_;
  ChangeTail& tail_;
  Metrics& metrics_;
  telemetry::Logger* const logger_;
  const Options options_;
  Statement begin_, commit_, rollback_;
  int log_pages_ = 0;  ///< set by SQLite's hook at each commit
  bool failing_ = false;
  Time last_group_{};
  mutable std::mutex health_mutex_;
  std::optional<Error> stopped_;  ///< nothing is acknowledged any more
  TrimLimit trim_limit_;
  std::atomic<std::uint64_t> trimmed_{0};
  WriteQueue queue_;
  std::thread thread_;
};

}  // namespace millrace::records
