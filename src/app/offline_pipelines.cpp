#include "offline_pipelines.hpp"

#include <algorithm>
#include <variant>

#include "audited.hpp"
#include "capture/change_pump.hpp"
#include "change/complete_mark.hpp"
#include "own_audit.hpp"
#include "project_loading.hpp"

namespace millrace::app {
namespace {

Result<std::unique_ptr<Stores>> OpenStores(const project::Project& project,
                                           const Settings& settings,
                                           const std::filesystem::path& data,
                                           telemetry::Registry& metrics,
                                           telemetry::Logger& logger) {
  MR_TRY(auto directory, DataDirectory::Lock(data, false));
  return Stores::Open(project, Unbounded(settings), std::move(directory), metrics,
                      logger);
}

/// In the audit log, where the project has one; `event` none: nothing.
Status RecordBegin(const project::Project& project, Stores& stores,
                   telemetry::Registry& metrics, telemetry::Logger& logger,
                   std::optional<gateway::AuditEvent> event) {
  const auto audit =
      OwnAudit::Open(project, {*stores.log, *stores.records}, metrics, logger);
  if (!audit || !event) return {};
  return audit->log().RecordAndWait(std::move(*event));
}

/// A table that is gone is no failure: a rebuild that was cut short is repeated.
Result<std::string> DropTable(warehouse::Warehouse& warehouse, const std::string& table) {
  const auto dropped = warehouse.DropTable(table);
  if (dropped) return "table " + table + ": dropped";
  if (dropped.error().code() == ErrorCode::kNotFound)
    return "table " + table + ": was not there";
  return Fail(dropped.error());
}

Result<std::string> Begin(const project::LakeSink& lake, const DataPaths& paths) {
  const auto from = paths.lake() / lake.path;
  std::error_code failed;
  if (!std::filesystem::exists(from, failed))
    return "lake/" + lake.path + ": was not there";
  std::string stamp;
  AppendTimestamp(stamp, SystemClock().Now());
  std::ranges::replace(stamp, ':', '-');
  const auto to = paths.lake() / "_replaced" / (lake.path + "-" + stamp);
  MR_CHECK_OK(MakeDirs(to.parent_path()));
  std::filesystem::rename(from, to, failed);
  if (failed) return Fail(SystemError("move", from, failed.value()));
  MR_CHECK_OK(SyncDir(to.parent_path()));
  MR_CHECK_OK(SyncDir(from.parent_path()));
  return "lake/" + lake.path + ": moved to " + to.string();
}

}  // namespace

Result<const project::Pipeline*> FindPipeline(const project::Project& project,
                                              const std::string& name) {
  std::string known;
  for (const auto& pipeline : project.pipelines) {
    if (pipeline.name == name) return &pipeline;
    known += (known.empty() ? "" : ", ") + pipeline.name;
  }
  return Fail(ErrorCode::kNotFound, "no pipeline \"" + name + "\"; the project has: " +
                                        (known.empty() ? "none" : known));
}

Result<std::vector<pipeline::CompiledPipeline>> CompileAll(
    const project::Project& project, sql::Engine& engine) {
  std::vector<pipeline::CompiledPipeline> compiled;
  std::vector<project::Problem> problems;
  const auto readable = project::Readable(project);
  for (const auto& definition : project.pipelines) {
    auto one = pipeline::CompilePipeline(definition, readable, engine);
    if (one) {
      compiled.push_back(std::move(*one));
      continue;
    }
    for (auto& problem : one.error()) problems.push_back(std::move(problem));
  }
  if (problems.empty()) return compiled;
  return Fail(ErrorOf(problems));
}

Result<std::unique_ptr<pipeline::Pipelines>> MakePipelines(
    const project::Project& project, const Settings& settings, Stores& stores,
    change::CompleteMark& mark, telemetry::Registry& metrics, telemetry::Logger& logger) {
  MR_TRY(auto compiled, CompileAll(project, *stores.engine));
  pipeline::Services services{
      *stores.log,      *stores.log,   mark,
      *stores.engine,   *stores.state, logger,
      metrics,          SystemClock(), stores.directory.paths().root,
      *stores.snapshots};
  pipeline::Options options;
  options.lookup_cache_bytes = settings.pipelines.lookup_cache.value;
  return std::make_unique<pipeline::Pipelines>(std::move(compiled), services, options);
}

Result<pipeline::PipelineStatus> RunPipeline(const project::Project& project,
                                             const Settings& settings,
                                             const std::filesystem::path& data,
                                             const std::string& name,
                                             std::optional<std::uint64_t> max_records,
                                             telemetry::Logger& logger) {
  MR_CHECK_OK(FindPipeline(project, name));
  telemetry::Registry metrics;
  MR_TRY(const auto stores, OpenStores(project, settings, data, metrics, logger));
  // What was committed before the last stop belongs to the end of the log, too.
  change::CompleteMark mark;
  capture::ChangePump pump(*stores->records, *stores->log, mark, logger);
  MR_CHECK_OK(pump.Start());
  MR_TRY(const auto pipelines,
         MakePipelines(project, settings, *stores, mark, metrics, logger));
  return pipelines->Run(name, {max_records}, MakeSinkFactory(*stores->sink_parts));
}

Result<std::vector<ReplayedSink>> ReplayPipeline(
    const project::Project& project, const Settings& settings,
    const std::filesystem::path& data, const ReplayRequest& request,
    const std::function<void(PipelineReplay&)>& before,
    const std::function<void(PipelineReplay&)>& after, telemetry::Logger& logger) {
  MR_CHECK_OK(FindPipeline(project, request.pipeline));
  telemetry::Registry metrics;
  MR_TRY(const auto stores, OpenStores(project, settings, data, metrics, logger));
  change::CompleteMark mark;
  capture::ChangePump pump(*stores->records, *stores->log, mark, logger);
  MR_CHECK_OK(pump.Start());
  MR_CHECK_OK(RecordBegin(project, *stores, metrics, logger, ReplayEventOf(request)));
  PipelineReplay replay(project, settings, *stores, mark, nullptr, logger);
  before(replay);
  auto replayed = replay.Run(request);
  after(replay);
  return replayed;
}

Result<std::vector<std::string>> RebuildPipeline(const project::Project& project,
                                                 const Settings& settings,
                                                 const std::filesystem::path& data,
                                                 const std::string& name,
                                                 telemetry::Logger& logger) {
  MR_TRY(const auto* definition, FindPipeline(project, name));
  telemetry::Registry metrics;
  MR_TRY(const auto stores, OpenStores(project, settings, data, metrics, logger));
  MR_TRY(const auto info, stores->log->Stream(StreamOf(*definition)));
  if (info.first > 0 && definition->start != project::Start::kSnapshot) {
    return Fail(ErrorCode::kOutOfRange,
                "the log of " + info.stream.name + " begins at " +
                    std::to_string(info.first) +
                    ": a rebuild would lose what was before it; nothing was changed" +
                    (definition->of_stream ? std::string()
                                           : "; `millrace pipelines replay " + name +
                                                 "` builds tables from the records"));
  }
  auto event =
      OperatorEvent(gateway::AuditAction::kRebuild, "millrace pipelines rebuild");
  event.resource = "pipelines/" + name;
  MR_CHECK_OK(RecordBegin(project, *stores, metrics, logger, std::move(event)));
  std::vector<std::string> done;
  for (const auto& sink : definition->sinks) {
    if (const auto* table = std::get_if<project::TableSink>(&sink.target)) {
      MR_TRY(auto dropped, DropTable(*stores->warehouse, table->name));
      done.push_back(std::move(dropped));
      continue;
    }
    MR_TRY(auto moved,
           Begin(std::get<project::LakeSink>(sink.target), stores->directory.paths()));
    done.push_back(std::move(moved));
  }
  return done;
}

}  // namespace millrace::app
