#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "pipeline_replay.hpp"

namespace millrace::app {

/// The report of a replay as JSON: {"pipeline","sinks":[{"sink","target","upto",
/// "dead_letters"[,"snapshot"][,"difference"]}]}.
std::string ReportJson(const ReplayRequest& request,
                       const std::vector<ReplayedSink>& replayed);

/// The replay that a server runs for a command line, in a thread of its own. Any thread.
class ReplayJob {
 public:
  ReplayJob(Settings settings, Stores& stores, change::CompleteMark& mark,
            pipeline::Pipelines& live, telemetry::Logger& logger);
  ~ReplayJob();  ///< Stop

  /// `directory`: the project as it is now on disk. kFenced: one is under way;
  /// kInvalidArgument: the project has problems.
  Status Start(const std::string& directory, ReplayRequest request);
  void Cancel();
  /// Cancels, waits, and starts none any more.
  void Stop();
  /// {"state":"none"}, {"state":"running","sink","done","total"}, {"state":"done",
  /// "report":{…}}, {"state":"failed","code","reason"}.
  std::string StatusJson() const;

 private:
  struct Work {
    project::Project project;
    std::unique_ptr<PipelineReplay> replay;
  };
  void Run(Work& work, const ReplayRequest& request);

  const Settings settings_;
  Stores& stores_;
  change::CompleteMark& mark_;
  pipeline::Pipelines& live_;
  telemetry::Logger& logger_;

  mutable std::mutex mutex_;
  std::shared_ptr<Work> work_;  ///< of the last one
  bool running_ = false, stopped_ = false;
  std::string ended_;  ///< as StatusJson, of the last one
  std::thread thread_;
};

}  // namespace millrace::app
