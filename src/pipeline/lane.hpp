#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "eventlog/sequential_reader.hpp"
#include "lag.hpp"
#include "lookup_state.hpp"
#include "pipeline/pipelines.hpp"
#include "processor.hpp"
#include "redrive_source.hpp"

namespace millrace::pipeline {

/// One partition of a sink of one pipeline: reads its stream of the log from the sink's
/// position on, in a thread of its own. The lane of redriven events takes what it finds
/// at once, is no measure of lag, and has its lookups held by the letters it resolves.
///
/// A lane of changes may have a snapshot to read first: `input()` and `target()` are then
/// the snapshot's stream and partition, and the sink's position among the changes comes
/// to be, or moves, when all of it is in the sink.
class Lane {
 public:
  /// `snapshots`: the sink's partition for them; null: the pipeline can have none.
  /// `changes`: for the lane of redriven events, that of the sink's changes, which must
  /// outlive it; else null.
  Lane(const CompiledPipeline& pipeline, std::size_t sink, std::unique_ptr<Sink> target,
       std::unique_ptr<Sink> snapshots, Services& services, LookupSet& lookups,
       const Options& options, Lane* changes = nullptr);
  ~Lane();

  /// Opens the sink, resolves its start, tells log and lookups where it is. A failure is
  /// in the state; a retryable one is tried again by the thread.
  void Prepare();
  /// Runs up to `limit` events from here (or the end of now, if that is nearer), then
  /// ends; nullopt: until stopped.
  void Start(std::optional<std::uint64_t> limit = {}, bool until_end = false);
  /// Runs to this offset, then ends; nothing to do when it is past it. May be repeated.
  void StartTo(Offset end);
  /// Returns when the thread is between two batches, or has ended; it stays so until
  /// Resume, which opens the sink again, for it may be another, and starts a lane again
  /// that had stopped.
  void Pause();
  void Resume();
  void RequestStop();
  /// False when the thread had not ended by then.
  bool Join(Deadline deadline);
  void Stopped(const std::string& reason) { SetState("stopped", reason); }

  SinkStatus status() const;
  /// Next offset that the sink has not been given; at least what is durable.
  Offset taken() const { return taken_.load(std::memory_order_acquire); }
  std::vector<std::uint64_t> misses() const;
  const CompiledPipeline& pipeline() const { return pipeline_; }
  const std::string& sink() const { return compiled_.name; }
  const StreamId& stream() const { return stream_; }
  /// Counts the waiting letters again. Any thread.
  Status CountLetters();
  /// Some do not wait any more: lookups keep nothing for them. Any thread.
  Status LettersDismissed();
  /// Records of a snapshot that the sink does not have yet.
  std::uint64_t snapshot_left() const;
  /// What the log has of a snapshot from `first` on is kept for this lane.
  void NeedSnapshot(Offset first);

 private:
  void Run();
  void Launch();
  void WaitWhilePaused();
  Status Step();
  Status Open();
  Status OpenProcessor();
  Result<Offset> ResolveStart();
  /// Keeps which events this definition is used for.
  Status KeepDefinition(bool anew);
  /// Finds out whether there is a snapshot to read. `committed`: of the changes; behind
  /// a snapshot that was just finished it gets its first, or a later, value.
  Status OpenSnapshot(std::optional<Offset>& committed);
  Result<std::optional<Offset>> BeginSnapshot();
  Status LeaveSnapshot(const Snapshot& snapshot, std::optional<Offset>& committed);
  Status EndSnapshot();
  const StreamId& input() const { return snapshot_ ? snapshot_stream_ : stream_; }
  Sink& target() { return snapshot_ ? *snapshot_sink_ : *sink_; }
  Status CheckPosition(Offset next);
  Status KnowLowWater();
  bool WaitForWork();
  void Sleep(std::chrono::steady_clock::time_point until);
  Status FlushIfDue();
  Status ProcessBatch();
  Status CatchUpLookups(Position position);
  Status StoreLetters(std::vector<DeadLetter> letters);
  /// Limits `batch` to what it takes.
  Result<Processed> Process(eventlog::RecordBatch& batch);
  /// The letters that events of this batch have from before; whether there are any.
  Result<bool> KnowLetters(const eventlog::RecordBatch& batch);
  std::vector<eventlog::Record> WithoutRedriven(const eventlog::RecordBatch& batch) const;
  static Processed PassedOver(const eventlog::Record& last);
  Status CloseWhatGoesThrough(const std::vector<DeadLetter>& died);
  /// What `on_error: park_key` and `max_share` ask for.
  Status BlockKeys();
  Status CheckParked(const std::vector<DeadLetter>& letters);
  Status CheckShare(Offset next, const std::vector<DeadLetter>& letters);
  Status BeginRebuild();
  Status EndRebuild();
  /// Of the lane of redriven events.
  Status WaitForRebuild(bool& waits);
  Status FlushAtEnd();
  Status ResolveSent();
  Status Deliver(Processed processed);
  void Committed();
  void FallBack();
  /// Where a sink stands that never opened: for the status.
  void KnowStored();
  bool Handle(const Error& error);
  bool AtEnd() const { return !snapshot_ && end_ && next_ >= *end_; }
  bool takes_snapshot() const {
    return pipeline_.definition.start == project::Start::kSnapshot;
  }
  const char* Working() const { return snapshot_ ? "snapshot" : "running"; }
  void Finish();
  void SetState(std::string state, std::string reason = {});
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  bool pausing() const { return pausing_.load(std::memory_order_acquire); }

  const CompiledPipeline& pipeline_;
  const CompiledSink& compiled_;
  std::unique_ptr<Sink> sink_, snapshot_sink_;
  Services& services_;
  LookupSet& lookups_;
  const Options& options_;
  const std::string reader_;  ///< name in the log and in the lookups
  const StreamId stream_, snapshot_stream_;
  eventlog::SequentialReader log_reader_, snapshot_reader_;
  Lane* const changes_;
  std::optional<RedriveSource> redrive_;  ///< with changes_
  std::unique_ptr<FieldHistory> history_;
  std::unique_ptr<Processor> processor_;

  // Of the lane's thread alone.
  bool open_ = false;
  bool running_ = false;         ///< Run has begun
  bool failed_in_sink_ = false;  ///< what it took beyond committed() is gone
  bool reopen_ = false;
  std::optional<Snapshot> snapshot_;  ///< while it is read
  Offset next_ = 0;                   ///< of input()
  std::optional<Offset> end_;
  Offset log_end_ = 0;  ///< when `end_` was found
  /// Counts what gave or removed a row: no dead letter, no change that is passed over.
  std::optional<std::uint64_t> limit_;
  bool until_end_ = false;
  int failures_ = 0;
  PendingBatches pending_;
  std::uint64_t dead_ = 0;           ///< of the window that dead_next_ is in
  std::optional<Offset> dead_next_;  ///< events below it are in dead_
  /// Events of input() below it may have letters already, of an attempt that the sink has
  /// no position of; nothing: not looked up yet. And those letters of the batch.
  std::optional<Offset> letters_end_;
  std::vector<DeadLetter> known_;
  std::optional<Offset> rebuild_end_;  ///< letters up to here wait for this lane
  bool rebuilt_ = false;               ///< no letter waits for changes_ any more
  Offset resolved_ = 0;                ///< letters below it have been told
  std::vector<std::uint64_t> counted_misses_;

  telemetry::Counter& events_;
  telemetry::Counter& snapshot_events_;
  telemetry::Counter& rows_;
  telemetry::Counter& retries_;
  telemetry::Histogram& lag_seconds_;
  std::vector<telemetry::Counter*> miss_counters_;

  std::mutex counting_;  ///< letters are stored and counted; before mutex_
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string state_ = "starting";
  std::string reason_;
  std::optional<Offset> committed_;  ///< of the changes
  std::uint64_t snapshot_done_ = 0, snapshot_rows_ = 0;
  std::uint64_t dead_letters_ = 0;
  LagHistogram lag_;
  std::vector<std::uint64_t> misses_;
  bool ended_ = true;
  bool paused_ = false;
  std::atomic<bool> stopping_{false}, pausing_{false};
  std::atomic<Offset> taken_{0};  ///< of the changes, for others
  std::thread thread_;
};

}  // namespace millrace::pipeline
