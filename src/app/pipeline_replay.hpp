#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "change/complete_mark.hpp"
#include "pipeline/pipelines.hpp"
#include "project/project.hpp"
#include "replay_compare.hpp"
#include "settings.hpp"
#include "stores.hpp"

namespace millrace::app {

struct ReplayRequest {
  std::string pipeline;
  std::string sink;     ///< "table.orders"; empty: every table, or the lake of `lake_to`
  std::string lake_to;  ///< a folder of the lake that must not be there; empty: tables
  bool snapshot = false;  ///< begins with the records, also where the log has everything
  /// Lakes that lost their position go on in place, behind a gap that they name.
  bool lake_gap = false;
  bool compare = false;  ///< nothing is replaced: the tables are compared and dropped
};

/// What a replay made of one sink.
struct ReplayedSink {
  std::string name;                  ///< as the pipeline has it: "table.orders"
  std::string target;                ///< "table orders", "lake/orders_again"
  Offset upto = 0;                   ///< next offset that it has not seen
  std::optional<Position> snapshot;  ///< the commit whose records it began with
  std::uint64_t dead_letters = 0;
  std::optional<TableDifference> difference;  ///< where it was compared
};

/// Builds sinks of one pipeline anew, from the beginning of the log, or, where that was
/// dropped, from a snapshot of the records and what follows it, beside the ones that run:
/// tables in a shadow that takes their place in one transaction when it has come as far,
/// lakes in another folder. Lookups are as of the changes, so the same definition gives
/// the same rows. Whatever happens before the exchange, nothing has changed; what a crash
/// leaves is removed by RemoveShadows. One replay at a time; Run blocks.
class PipelineReplay {
 public:
  /// `project`: with the definition to be replayed. `live`: the pipelines of a running
  /// server, null without one; then `mark` must be at the end of the records.
  PipelineReplay(const project::Project& project, const Settings& settings,
                 Stores& stores, change::CompleteMark& mark, pipeline::Pipelines* live,
                 telemetry::Logger& logger);

  /// Errors: kNotFound (pipeline or sink), kInvalidArgument (problems of the definition;
  /// one that a running server does not have, unless it is compared; `lake_to` is
  /// there), kOutOfRange (the log of a stream no longer reaches back to the beginning,
  /// and nothing else has it), kConflict (no lake has lost its position),
  /// kUnavailable (cancelled), and what stopped a sink.
  Result<std::vector<ReplayedSink>> Run(const ReplayRequest& request);
  /// Any thread.
  void Cancel();
  /// Events done and to be done, of the sink under way. Any thread.
  struct Progress {
    std::string sink;
    Offset done = 0, total = 0;
  };
  Progress progress() const;

 private:
  struct Shadow;
  Status CheckLake(const std::string& path) const;
  Result<project::Pipeline> Definition(const ReplayRequest& request) const;
  Status UseSnapshot(const std::string& pipeline, Shadow& shadow) const;
  Result<pipeline::Snapshot> TakeSnapshot(const project::Pipeline& definition);
  Result<std::vector<ReplayedSink>> GoOnBehindGaps(const ReplayRequest& request);
  Result<std::string> CheckRunning(const std::string& pipeline) const;
  Result<std::vector<ReplayedSink>> RunShadow(const ReplayRequest& request,
                                              Shadow& shadow);
  Status CopyLetters(const ReplayRequest& request, Shadow& shadow) const;
  Result<ReplayedSink> RunSink(const ReplayRequest& request, Shadow& shadow,
                               const project::Sink& sink);
  Status RunTo(Shadow& shadow, const std::string& sink, Offset end);
  void Show(Progress progress) {
    const std::lock_guard lock(mutex_);
    progress_ = std::move(progress);
  }
  Status Exchange(const ReplayRequest& request, Shadow& shadow, const std::string& table,
                  ReplayedSink& replayed);
  Result<Offset> Target(const Shadow& shadow, const std::string& sink) const;

  const project::Project& project_;
  const Settings& settings_;
  Stores& stores_;
  change::CompleteMark& mark_;
  pipeline::Pipelines* const live_;
  telemetry::Logger& logger_;

  mutable std::mutex mutex_;
  Progress progress_;
  pipeline::Pipelines* running_ = nullptr;
  std::atomic<bool> cancelled_{false};
};

/// What the pipeline reads.
StreamId StreamOf(const project::Pipeline& definition);

/// Drops what replays have left that did not end.
Status RemoveShadows(Stores& stores);

}  // namespace millrace::app
