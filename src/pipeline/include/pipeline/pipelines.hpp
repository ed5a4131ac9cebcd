#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "change/complete_mark.hpp"
#include "eventlog/event_log.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/mend.hpp"
#include "pipeline/sink.hpp"
#include "pipeline/snapshots.hpp"
#include "pipeline/state_db.hpp"
#include "sql/engine.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::pipeline {

/// Makes the sink of a pipeline; it is opened by the lane. Errors stop the lane as those
/// of Sink::Open do. Called in Start, by its thread.
using SinkFactory = std::function<Result<std::unique_ptr<Sink>>(
    const CompiledPipeline& pipeline, const CompiledSink& compiled,
    const project::Sink& sink, std::uint32_t partition)>;

/// What pipelines work with; all of it outlives them.
struct Services {
  eventlog::EventLog& log;
  eventlog::LogRetention& retention;
  change::CompleteMark& mark;
  sql::Engine& engine;  ///< in memory, no directories
  StateDb& state;
  telemetry::Logger& logger;
  telemetry::Registry& metrics;
  const Clock& clock;
  std::filesystem::path data;  ///< lookups live in <data>/lookups
  Snapshots& snapshots;
};

struct Options {
  std::size_t lookup_cache_bytes = 64u << 20u;  ///< of each lookup state
  std::chrono::milliseconds first_retry{50};    ///< doubled up to …
  std::chrono::milliseconds last_retry{10'000};
  /// With on_error: park_key, whether changes wait behind letters that are on their way.
  /// False where those were there long before the change: in a replay.
  bool sent_letters_block = true;
};

struct SinkStatus {
  std::string name;
  /// "starting", "running", "snapshot" (the records of its beginning are read; reason
  /// says how far), "retrying" (reason says why), "stopped" (reason begins with fenced,
  /// data_loss, position_lost, source_went_back, schema_changed, field_removed,
  /// duplicate_rows or internal), "done" (Run reached its end), "finished" (Stop).
  std::string state;
  std::string reason;
  std::optional<Offset> position;  ///< next offset after what is durable and visible
  std::uint64_t lag_events = 0;    ///< of the log's end
  std::uint64_t dead_letters = 0;
  double lag_p50_ms = 0, lag_p99_ms = 0;  ///< commit to visible, since start
  std::uint64_t lag_count = 0;            ///< batches measured
};
struct LookupStatus {
  std::string name;
  std::uint64_t misses = 0;  ///< changes without a row, since start, all sinks
};
struct PipelineStatus {
  std::string name, stream, hash;
  std::string state;  ///< the worst of its sinks
  std::string reason;
  Offset position = 0;  ///< of the slowest sink
  Offset end = 0;       ///< next offset of the stream
  std::uint64_t lag_events = 0;
  std::uint64_t dead_letters = 0;  ///< of all sinks
  std::vector<SinkStatus> sinks;
  std::vector<SinkStatus> redrives;  ///< of those sinks that letters were sent to
  std::vector<LookupStatus> lookups;
};

struct RedriveStarted {
  std::uint64_t run = 0;  ///< for Redriven
  std::uint64_t letters = 0;
};
struct RedriveProgress {
  RedriveCounts letters;
  std::vector<SinkStatus> stuck;  ///< sinks of the run that do not work now, and why
};

class Lane;
class LookupSet;
class Redriver;

/// Runs pipelines: one thread for each sink, which reads the log from the sink's own
/// position, and is asleep when there is nothing to do. Any thread may ask for status;
/// one starts and stops.
class Pipelines {
 public:
  Pipelines(std::vector<CompiledPipeline> pipelines, Services services,
            Options options = {});
  ~Pipelines();  ///< Stop, if it was not called, however long it takes

  /// Opens lookups and sinks, commits first positions, tells the log who reads what, and
  /// starts the lanes. What cannot be opened for now is retried by its lane; a sink that
  /// cannot be used is "stopped" in status. Error: the state of pipelines or lookups.
  Status Start(const SinkFactory& factory);
  /// For a clean stop, before Stop and after the last append: waits until every sink that
  /// works was given all that the log holds. False at the deadline.
  bool Finish(Deadline deadline);
  /// Ends after the batches under way and closes open rolls; the log's and the mark's
  /// waits are interrupted for good. False: something was not flushed by the deadline
  /// (it is read again next time).
  bool Stop(Deadline deadline);

  struct Limit {
    /// Of each sink, those that gave or removed a row; nullopt: to the end of now.
    std::optional<std::uint64_t> max_records;
  };
  /// Instead of Start: runs one pipeline to a fixed end, flushes, and gives its status.
  /// Errors: kNotFound, and what stopped a lane.
  Result<PipelineStatus> Run(const std::string& name, Limit limit,
                             const SinkFactory& factory);

  // For a replay, instead of Start and Run, of pipelines that run beside others: nothing
  // that they share is interrupted.
  /// Opens everything for `name` as Start does. Errors: kNotFound, and as Start.
  Status Prepare(const std::string& name, const SinkFactory& factory);
  /// Carries a sink to this offset of its stream, and flushes it; repeatable, with a
  /// higher one. What stopped it is in its state. kUnavailable: Cancel was called.
  Result<SinkStatus> RunTo(const std::string& pipeline, const std::string& sink,
                           Offset end);
  /// After RunTo: what was redriven and this sink still has to get. Errors: as RunTo.
  Status RunRedriven(const std::string& pipeline);
  /// From any thread: RunTo and RunRedriven end soon, and for good.
  void Cancel();

  /// Runs `work` while this sink's lane is between two batches, and lets it go on
  /// afterwards with what it then finds of the sink; one that had stopped is started
  /// again. Gives what `work` gives. kNotFound: no such sink.
  Status WhilePaused(const std::string& pipeline, const std::string& sink,
                     const std::function<Status(const SinkStatus& now)>& work);

  /// For a sink that keeps every change, and stopped as position_lost: it goes on behind
  /// a gap, which it names, with the rows of `snapshot` and the changes that follow.
  /// After a crash it does so too, once this returned. kNotFound: no such sink;
  /// kConflict: its position is not lost; kInvalidArgument: it is to be built anew.
  Status GoOnFrom(const std::string& pipeline, const std::string& sink,
                  const Snapshot& snapshot);

  /// Sends the open letters that `filter` selects to their sinks again, mended or as they
  /// came, in order of their versions; from any thread after Start, or before Run (which
  /// then carries them). Returns when they are in the log: a crash does not lose them.
  /// kNotFound: no such pipeline or id. kInvalidArgument: the filter. kResourceExhausted,
  /// kUnavailable: those that were not sent are open.
  Result<RedriveStarted> Redrive(const LetterFilter& filter);
  Result<RedriveProgress> Redriven(std::uint64_t run) const;
  /// Gives open letters up for good, all or none, also those of pipelines that are no
  /// more; how many. From any thread after Start, or instead of Start. kNotFound: no such
  /// id, or neither such a pipeline or sink nor open letters of it. kInvalidArgument: the
  /// filter.
  Result<std::uint64_t> Dismiss(const LetterFilter& filter, const std::string& reason);
  /// What `spec` makes of the open letters that `filter` selects, which must be of one
  /// pipeline, and whether they would go through; `apply`: keeps it as what a redrive
  /// sends. At most `shown` letters are in the report. From any thread after Start, or
  /// instead of Start (the mark must reach the letters). kNotFound: no such pipeline or
  /// id. kInvalidArgument: filter or spec.
  Result<MendReport> Mend(const LetterFilter& filter, const MendSpec& spec, bool apply,
                          std::size_t shown);

  std::vector<PipelineStatus> status() const;

 private:
  Status OpenLookups();
  Status CheckKnown(const LetterFilter& filter) const;
  void AddLetterMetrics();
  void AddSnapshotMetrics();
  Result<const CompiledPipeline*> PipelineOf(const LetterFilter& filter) const;
  Status RepairRedrives();
  /// Lanes for what waits in the redrive streams.
  Status OpenRedrives(const CompiledPipeline& pipeline, bool until_end);
  Lane* FindRedrive(const CompiledPipeline& pipeline, const std::string& sink) const;
  Lane* Find(const std::string& pipeline, const std::string& sink) const;
  Status Open(const SinkFactory& factory, const std::string* only);
  PipelineStatus StatusOf(const CompiledPipeline& pipeline) const;

  std::vector<CompiledPipeline> pipelines_;
  Services services_;
  Options options_;
  std::unique_ptr<LookupSet> lookups_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  SinkFactory factory_;
  std::unique_ptr<Redriver> redriver_;
  std::vector<telemetry::CallbackHandle> callbacks_;
  mutable std::mutex redrives_mutex_;            ///< of the lanes, which come as needed
  std::vector<std::unique_ptr<Lane>> redrives_;  ///< end before the lanes they follow
  std::map<const Lane*, int> held_;   ///< by WhilePaused: none opens a redrive for them
  std::condition_variable released_;  ///< with redrives_mutex_
  std::atomic<bool> started_{false};
  std::atomic<bool> cancelled_{false};
};

}  // namespace millrace::pipeline
