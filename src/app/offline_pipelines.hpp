#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "pipeline/pipelines.hpp"
#include "pipeline_replay.hpp"
#include "project/project.hpp"
#include "settings.hpp"
#include "stores.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// kNotFound naming those that the project has. Lives as long as the project.
Result<const project::Pipeline*> FindPipeline(const project::Project& project,
                                              const std::string& name);

/// Compiles every pipeline; kInvalidArgument with every problem, a line each.
Result<std::vector<pipeline::CompiledPipeline>> CompileAll(
    const project::Project& project, sql::Engine& engine);

/// The project's pipelines over open stores. All are referenced by them.
Result<std::unique_ptr<pipeline::Pipelines>> MakePipelines(
    const project::Project& project, const Settings& settings, Stores& stores,
    change::CompleteMark& mark, telemetry::Registry& metrics, telemetry::Logger& logger);

/// Runs one pipeline without a server, to the end of the log or `max_records` events of
/// each sink. kFenced when a process holds the data directory.
Result<pipeline::PipelineStatus> RunPipeline(const project::Project& project,
                                             const Settings& settings,
                                             const std::filesystem::path& data,
                                             const std::string& name,
                                             std::optional<std::uint64_t> max_records,
                                             telemetry::Logger& logger);

/// Replays one pipeline without a server, to the end of the log. `before` and `after` are
/// given the replay, to watch and to cancel it from other threads between them.
Result<std::vector<ReplayedSink>> ReplayPipeline(
    const project::Project& project, const Settings& settings,
    const std::filesystem::path& data, const ReplayRequest& request,
    const std::function<void(PipelineReplay&)>& before,
    const std::function<void(PipelineReplay&)>& after, telemetry::Logger& logger);

/// Makes the sinks of a pipeline begin again: tables are dropped, lake folders are moved
/// to lake/_replaced. kOutOfRange when the log no longer reaches back to the beginning
/// (nothing is changed then). What was done, a line each.
Result<std::vector<std::string>> RebuildPipeline(const project::Project& project,
                                                 const Settings& settings,
                                                 const std::filesystem::path& data,
                                                 const std::string& name,
                                                 telemetry::Logger& logger);

}  // namespace millrace::app
