#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/pipelines.hpp"
#include "pipeline/sink.hpp"
#include "pipeline/snapshots.hpp"
#include "project/project.hpp"
#include "settings.hpp"
#include "sql/engine.hpp"

namespace millrace::app {

/// Runs a project's pipelines once more over parts of the log, lookups as of each change,
/// and hands out what they make of it; nothing is kept. Memory and disk as one sink that
/// runs. One thread.
class PipelineRerun {
 public:
  /// `log`, for reading, outlives it. `folder` is for it alone, and goes with it. Error:
  /// kInvalidArgument with the problems of the project.
  static Result<std::unique_ptr<PipelineRerun>> Open(const std::filesystem::path& project,
                                                     std::filesystem::path folder,
                                                     eventlog::EmbeddedEventLog& log);
  ~PipelineRerun();

  /// Null: the project has none of this name.
  const pipeline::CompiledPipeline* Find(const std::string& name) const;

  using Each = std::function<Status(const pipeline::SinkBatch& batch)>;
  /// The events [begin, end) of the pipeline's stream as its sink gets them, in order.
  /// Their lookups' streams must be complete up to them: as they are of events that the
  /// sink itself was given. Letters go nowhere, and park nothing. Errors: kNotFound, of
  /// `each`, and what stops a sink.
  Status Run(const std::string& pipeline, const std::string& sink, Offset begin,
             Offset end, const Each& each);
  /// The snapshot whose rows, or whose end, are at `at` of the pipeline's stream of
  /// snapshots, the newest where nothing is said; nullopt: the log has not, or no longer,
  /// all of it.
  Result<std::optional<pipeline::Snapshot>> FindSnapshot(const std::string& pipeline,
                                                         std::optional<Offset> at = {});
  /// The rows [snapshot.first, snapshot.end) of the pipeline's stream of snapshots, the
  /// same way.
  Status RunSnapshot(const std::string& pipeline, const std::string& sink,
                     const pipeline::Snapshot& snapshot, const Each& each);

  /// What was redriven, of the letters `ids` among `letters` (a data directory's, whose
  /// redrive stream the log has), under the offsets of their own events. kOutOfRange: the
  /// log has dropped one.
  Status RunSent(const std::string& pipeline, const std::string& sink,
                 pipeline::DeadLetters& letters, std::vector<std::int64_t> ids,
                 const Each& each);

 private:
  PipelineRerun(std::filesystem::path folder, eventlog::EmbeddedEventLog& log)
      : folder_(std::move(folder)), log_(log) {}
  Status RunTo(const std::string& pipeline, const std::string& sink, Offset end,
               const pipeline::SinkFactory& make);
  /// With this one sink, lookups and a state of its own, in which `prepare` can put
  /// something before it is opened.
  Status WithOneSink(const std::string& pipeline, const std::string& sink,
                     const pipeline::SinkFactory& make,
                     const std::function<Status(pipeline::StateDb&)>& prepare,
                     const std::function<Status(pipeline::Pipelines&)>& work);

  const std::filesystem::path folder_;
  eventlog::EmbeddedEventLog& log_;
  project::Project project_;
  Settings settings_;
  std::unique_ptr<sql::Engine> engine_;
  std::vector<pipeline::CompiledPipeline> compiled_;
};

}  // namespace millrace::app
