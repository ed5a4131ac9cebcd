#include "pipeline_rerun.hpp"

#include <algorithm>
#include <limits>

#include "base/file.hpp"
#include "change/complete_mark.hpp"
#include "offline_pipelines.hpp"
#include "pipeline/no_records.hpp"
#include "pipeline/pipelines.hpp"
#include "project_loading.hpp"

namespace millrace::app {
namespace {

/// Shows what it is given.
class ShownSink final : public pipeline::Sink {
 public:
  ShownSink(std::optional<Offset> begin, const PipelineRerun::Each& each, Status& failed)
      : next_(begin), each_(each), failed_(failed) {}
  Result<std::optional<Offset>> Open(const schema::Columns&) override { return next_; }
  Status Start(Offset first) override {
    next_ = first;
    return {};
  }
  Status Write(pipeline::SinkBatch batch) override {
    failed_ = each_(batch);
    // Whatever it is: no lane tries that again.
    if (!failed_) return Fail(ErrorCode::kFenced, failed_.error().message());
    next_ = batch.next;
    return {};
  }
  Offset committed() const override { return next_.value_or(0); }
  std::optional<Offset> Stored() override { return next_; }
  std::optional<std::chrono::steady_clock::time_point> due() const override {
    return std::nullopt;
  }
  Status Flush() override { return {}; }

 private:
  std::optional<Offset> next_;
  const PipelineRerun::Each& each_;
  Status& failed_;
};

/// The pipeline as it is run again, for one sink.
Result<project::Pipeline> OneSink(const project::Pipeline& pipeline,
                                  const std::string& sink) {
  project::Pipeline one = pipeline;
  std::erase_if(one.sinks, [&](const project::Sink& s) { return s.name != sink; });
  if (one.sinks.empty()) {
    return Fail(ErrorCode::kNotFound,
                "pipeline " + pipeline.name + " has no sink " + sink);
  }
  one.start = project::Start::kEarliest;
  // Which changes died and which were parked is known, and is not decided again.
  one.on_error = project::OnError::kGoOn;
  one.max_dead_of_1000.reset();
  return one;
}

}  // namespace

Result<std::unique_ptr<PipelineRerun>> PipelineRerun::Open(
    const std::filesystem::path& project, std::filesystem::path folder,
    eventlog::EmbeddedEventLog& log) {
  auto loaded = project::Load(project);
  if (!loaded) return Fail(ErrorOf(loaded.error()).During(project.string()));
  std::unique_ptr<PipelineRerun> rerun(new PipelineRerun(std::move(folder), log));
  rerun->project_ = std::move(*loaded);
  auto settings = LoadSettings(rerun->project_.settings, project, {});
  if (!settings) return Fail(ErrorCode::kInvalidArgument, settings.error().front());
  rerun->settings_ = std::move(*settings);
  sql::EngineOptions options;
  options.memory_limit = rerun->settings_.pipelines.memory.value;
  options.temp_directory = rerun->folder_ / "sql";
  MR_TRY(rerun->engine_, sql::Engine::Open(options));
  MR_TRY(rerun->compiled_, CompileAll(rerun->project_, *rerun->engine_));
  return rerun;
}

PipelineRerun::~PipelineRerun() {
  engine_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

const pipeline::CompiledPipeline* PipelineRerun::Find(const std::string& name) const {
  const auto found = std::ranges::find(
      compiled_, name, [](const auto& one) { return one.definition.name; });
  return found == compiled_.end() ? nullptr : &*found;
}

Status PipelineRerun::Run(const std::string& name, const std::string& sink, Offset begin,
                          Offset end, const Each& each) {
  Status failed;
  MR_CHECK_OK(RunTo(name, sink, end,
                    [&](const auto&, const auto&, const auto&, std::uint32_t partition)
                        -> Result<std::unique_ptr<pipeline::Sink>> {
                      std::optional<Offset> first;
                      if (partition == pipeline::kChangesPartition) first = begin;
                      return std::make_unique<ShownSink>(first, each, failed);
                    }));
  return failed;
}

Result<std::optional<pipeline::Snapshot>> PipelineRerun::FindSnapshot(
    const std::string& pipeline, std::optional<Offset> at) {
  pipeline::NoRecords none;
  pipeline::Snapshots snapshots(none, "", log_);
  MR_TRY(auto found, at ? snapshots.At(pipeline, *at) : snapshots.Newest(pipeline));
  MR_TRY(const auto info, log_.Stream({"", pipeline::SnapshotStream(pipeline)}));
  if (found && found->first < info.first) found.reset();
  return found;
}

Status PipelineRerun::RunSnapshot(const std::string& name, const std::string& sink,
                                  const pipeline::Snapshot& snapshot, const Each& each) {
  Status failed;
  // The changes behind it are where the run ends, before the first of them.
  MR_CHECK_OK(RunTo(name, sink, snapshot.changes,
                    [&](const auto&, const auto&, const auto&, std::uint32_t partition)
                        -> Result<std::unique_ptr<pipeline::Sink>> {
                      std::optional<Offset> first;
                      if (partition == pipeline::kSnapshotPartition)
                        first = snapshot.first;
                      return std::make_unique<ShownSink>(first, each, failed);
                    }));
  return failed;
}

Status PipelineRerun::RunSent(const std::string& name, const std::string& sink,
                              pipeline::DeadLetters& letters,
                              std::vector<std::int64_t> ids, const Each& each) {
  const auto* compiled = Find(name);
  if (compiled == nullptr) return Fail(ErrorCode::kNotFound, "no pipeline " + name);
  MR_TRY(const auto changes, log_.Stream({"", compiled->stream()}));
  MR_TRY(const auto redriven, log_.Stream({"", pipeline::RedriveStream(name)}));
  Status failed;
  const auto make =
      [&](const auto&, const auto&, const auto&,
          std::uint32_t partition) -> Result<std::unique_ptr<pipeline::Sink>> {
    std::optional<Offset> first;
    // No change is read: the lane only says that lookups are to keep everything.
    if (partition == pipeline::kChangesPartition) first = changes.first;
    if (partition == pipeline::kRedrivePartition) first = redriven.first;
    return std::make_unique<ShownSink>(first, each, failed);
  };
  const auto send = [&](pipeline::StateDb& state) -> Status {
    while (!ids.empty()) {
      MR_TRY(auto some, letters.Load(ids));
      if (some.empty()) return {};
      for (auto& letter : some) {
        letter.payload.clear();  // what was sent stands in the stream
        if (letter.resent && *letter.resent >= redriven.first) continue;
        return Fail(ErrorCode::kOutOfRange, "the log has dropped what was redriven");
      }
      MR_CHECK_OK(state.letters().AddSent(some, sink));
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(some.size()));
    }
    return {};
  };
  MR_CHECK_OK(WithOneSink(name, sink, make, send, [&](pipeline::Pipelines& running) {
    return running.RunRedriven(name);
  }));
  return failed;
}

Status PipelineRerun::RunTo(const std::string& name, const std::string& sink, Offset end,
                            const pipeline::SinkFactory& make) {
  return WithOneSink(
      name, sink, make, [](pipeline::StateDb&) { return Status(); },
      [&](pipeline::Pipelines& running) -> Status {
        MR_TRY(const auto status, running.RunTo(name, sink, end));
        if (status.state != "stopped") return {};
        return Fail(ErrorCode::kInternal,
                    name + " cannot be run again over its events: " + status.reason);
      });
}

Status PipelineRerun::WithOneSink(
    const std::string& name, const std::string& sink, const pipeline::SinkFactory& make,
    const std::function<Status(pipeline::StateDb&)>& prepare,
    const std::function<Status(pipeline::Pipelines&)>& work) {
  const auto* compiled = Find(name);
  if (compiled == nullptr) return Fail(ErrorCode::kNotFound, "no pipeline " + name);
  project::Project only = project_;
  MR_TRY(auto one, OneSink(compiled->definition, sink));
  only.pipelines = {std::move(one)};
  MR_TRY(auto pipelines, CompileAll(only, *engine_));

  // Lookups hold what later events need: each run builds its own.
  std::error_code ignored;
  std::filesystem::remove_all(folder_ / "state", ignored);
  MR_CHECK_OK(MakeDirs(folder_ / "state"));
  MR_TRY(const auto state, pipeline::StateDb::Open(folder_ / "state"));
  MR_CHECK_OK(prepare(*state));
  change::CompleteMark mark;
  constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
  mark.Raise({kAll, kAll});
  telemetry::Registry metrics;
  telemetry::Logger logger;
  logger.set_level(telemetry::Level::kError);
  pipeline::Options options;
  options.lookup_cache_bytes = settings_.pipelines.lookup_cache.value;
  pipeline::NoRecords none;
  pipeline::Snapshots snapshots(none, "", log_);
  pipeline::Pipelines running(std::move(pipelines),
                              {log_, log_, mark, *engine_, *state, logger, metrics,
                               SystemClock(), folder_ / "state", snapshots},
                              options);
  MR_CHECK_OK(running.Prepare(name, make));
  return work(running);
}

}  // namespace millrace::app
