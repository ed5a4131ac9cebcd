#include "pipeline_replay.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/failpoint.hpp"
#include "offline_pipelines.hpp"
#include "own_readers.hpp"
#include "sinks.hpp"

namespace millrace::app {
namespace {

constexpr std::string_view kShadowPrefix = "_replay_";

std::string ShadowOf(const std::string& table) {
  return std::string(kShadowPrefix) + table;
}

std::filesystem::path Folder(const Stores& stores) {
  return stores.directory.paths().temporary() / "replay";
}

std::string NamesOf(const std::vector<project::Sink>& sinks) {
  std::string names;
  for (const auto& sink : sinks) names += (names.empty() ? "" : ", ") + sink.name;
  return names;
}

}  // namespace

/// Everything that one replay has to itself. What it leaves on disk lies in one folder.
struct PipelineReplay::Shadow {
  std::unique_ptr<pipeline::StateDb> state;
  telemetry::Registry metrics;
  OwnReaders readers;
  project::Pipeline definition;
  std::string hash;  ///< of the whole definition, where tables are to be exchanged
  std::vector<std::string> read_now;  ///< columns that each run gives other values
  bool begins_with_snapshot = false;
  std::optional<pipeline::Snapshot> snapshot;
  std::unique_ptr<pipeline::Pipelines> pipelines;

  explicit Shadow(eventlog::LogRetention& log) : readers(log) {}
};

PipelineReplay::PipelineReplay(const project::Project& project, const Settings& settings,
                               Stores& stores, change::CompleteMark& mark,
                               pipeline::Pipelines* live, telemetry::Logger& logger)
    : project_(project),
      settings_(settings),
      stores_(stores),
      mark_(mark),
      live_(live),
      logger_(logger) {}

void PipelineReplay::Cancel() {
  cancelled_ = true;
  const std::lock_guard lock(mutex_);
  if (running_ != nullptr) running_->Cancel();
}

PipelineReplay::Progress PipelineReplay::progress() const {
  const std::lock_guard lock(mutex_);
  Progress progress = progress_;
  if (running_ == nullptr) return progress;
  for (const auto& pipeline : running_->status()) {
    for (const auto& sink : pipeline.sinks) {
      if (sink.name == progress.sink) progress.done = sink.position.value_or(0);
    }
  }
  return progress;
}

Status PipelineReplay::CheckLake(const std::string& path) const {
  const auto refuse = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument,
                "--lake-to " + path + ": " + std::string(why));
  };
  if (const auto wrong = project::WrongWithLakePath(path); !wrong.empty())
    return refuse(wrong);
  std::error_code failed;
  if (std::filesystem::exists(stores_.directory.paths().lake() / path, failed))
    return refuse("it is there already: choose a new folder");
  for (const auto& pipeline : project_.pipelines) {
    for (const auto& sink : pipeline.sinks) {
      const auto* lake = std::get_if<project::LakeSink>(&sink.target);
      if (lake == nullptr) continue;
      if ((lake->path + "/").starts_with(path + "/") ||
          (path + "/").starts_with(lake->path + "/"))
        return refuse("it is where " + pipeline.name + " writes: choose a new folder");
    }
  }
  return {};
}

/// The pipeline with the sinks that are built, under the names they are built in.
Result<project::Pipeline> PipelineReplay::Definition(const ReplayRequest& request) const {
  MR_TRY(const auto* const found, FindPipeline(project_, request.pipeline));
  project::Pipeline definition = *found;
  std::vector<project::Sink> sinks;
  for (project::Sink sink : definition.sinks) {
    if (!request.sink.empty() && sink.name != request.sink) continue;
    if (auto* table = std::get_if<project::TableSink>(&sink.target)) {
      if (!request.lake_to.empty()) continue;
      table->name = ShadowOf(table->name);
    } else {
      if (request.lake_to.empty()) continue;
      std::get<project::LakeSink>(sink.target).path = request.lake_to;
      sink.name = project::LakeSinkName(request.lake_to);
    }
    sinks.push_back(std::move(sink));
  }
  const std::string has = request.pipeline + " has " + NamesOf(definition.sinks);
  if (sinks.empty() && request.lake_to.empty()) {
    return Fail(ErrorCode::kNotFound,
                has + "; no such table. A lake is replayed into a new folder: --lake-to");
  }
  if (sinks.empty()) return Fail(ErrorCode::kNotFound, has + "; no such lake");
  if (sinks.size() > 1 && !request.lake_to.empty()) {
    return Fail(ErrorCode::kInvalidArgument, has + ": choose one lake with --sink");
  }
  definition.sinks = std::move(sinks);
  definition.start = project::Start::kEarliest;
  return definition;
}

/// The definition's hash. A table that the running server goes on writing must have the
/// server's definition.
Result<std::string> PipelineReplay::CheckRunning(const std::string& pipeline) const {
  MR_TRY(const auto compiled, CompileAll(project_, *stores_.engine));
  const auto own = std::ranges::find(compiled, pipeline,
                                     [](const auto& one) { return one.definition.name; });
  if (live_ == nullptr) return own->hash;
  for (const auto& status : live_->status()) {
    if (status.name == pipeline && status.hash == own->hash) return own->hash;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "the server runs another definition of " + pipeline +
                  ": restart it with this one first, or look at the difference with "
                  "--compare");
}

Status PipelineReplay::UseSnapshot(const std::string& pipeline, Shadow& shadow) const {
  if (shadow.definition.of_stream) {
    return Fail(
        ErrorCode::kInvalidArgument,
        pipeline + " reads a stream: only collections have records to begin with");
  }
  shadow.begins_with_snapshot = true;
  shadow.definition.start = project::Start::kSnapshot;
  return {};
}

/// Before the lanes run, which then find it.
Result<pipeline::Snapshot> PipelineReplay::TakeSnapshot(
    const project::Pipeline& definition) {
  Show({"snapshot", 0, 0});
  const auto& collection = project_.collections.at(definition.collection);
  auto taken =
      stores_.snapshots->Take({definition.name, collection.name, collection.updated_at,
                               mark_, [this] { return cancelled_.load(); }});
  if (cancelled_) return Fail(ErrorCode::kUnavailable, "cancelled");
  return taken;
}

Result<std::vector<ReplayedSink>> PipelineReplay::GoOnBehindGaps(
    const ReplayRequest& request) {
  const auto found =
      std::ranges::find(project_.pipelines, request.pipeline, &project::Pipeline::name);
  if (found == project_.pipelines.end()) {
    return Fail(ErrorCode::kNotFound, "no pipeline \"" + request.pipeline + "\"");
  }
  if (live_ == nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                "--lake-gap: start the server first: the lake goes on in it");
  }
  std::vector<ReplayedSink> lakes;
  for (const auto& pipeline : live_->status()) {
    if (pipeline.name != request.pipeline) continue;
    for (const auto& sink : pipeline.sinks) {
      const bool wanted = request.sink.empty() ? sink.name.starts_with("lake.")
                                               : sink.name == request.sink;
      if (!wanted || !sink.reason.starts_with("position_lost")) continue;
      ReplayedSink& lake = lakes.emplace_back();
      lake.name = lake.target = sink.name;
    }
  }
  if (lakes.empty()) {
    return Fail(ErrorCode::kConflict,
                "no lake of " + request.pipeline + " has lost its position");
  }
  // Nobody else reads it yet: on a full log it would be dropped while it is written.
  OwnReaders readers(*stores_.log);
  readers.SetReader("lake-gap", {"", pipeline::SnapshotStream(request.pipeline)}, 0);
  MR_TRY(const auto snapshot, TakeSnapshot(*found));
  for (auto& lake : lakes) {
    MR_CHECK_OK(live_->GoOnFrom(request.pipeline, lake.name, snapshot));
    lake.upto = snapshot.changes;
    lake.snapshot = snapshot.upto;
  }
  return lakes;
}

Result<std::vector<ReplayedSink>> PipelineReplay::Run(const ReplayRequest& request) {
  if (request.lake_gap) return GoOnBehindGaps(request);
  if (!request.lake_to.empty()) MR_CHECK_OK(CheckLake(request.lake_to));
  Shadow shadow(*stores_.log);
  MR_TRY(shadow.definition, Definition(request));
  MR_TRY(const auto info, stores_.log->Stream(StreamOf(shadow.definition)));
  if (info.first > 0 && shadow.definition.of_stream) {
    return Fail(ErrorCode::kOutOfRange,
                "the log of " + info.stream.name + " begins at " +
                    std::to_string(info.first) +
                    ": a replay would lack what was before it, and nothing else has the "
                    "events of a stream; nothing was changed");
  }
  if (info.first > 0 || request.snapshot) {
    MR_CHECK_OK(UseSnapshot(request.pipeline, shadow));
  }
  MR_CHECK_OK(RemoveShadows(stores_));
  auto replayed = RunShadow(request, shadow);
  {
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
  }
  shadow.pipelines.reset();  // its sinks and lookups are closed before they are removed
  shadow.state.reset();
  if (auto removed = RemoveShadows(stores_); !removed && replayed) {
    return Fail(std::move(removed).error());
  }
  return replayed;
}

Result<std::vector<ReplayedSink>> PipelineReplay::RunShadow(const ReplayRequest& request,
                                                            Shadow& shadow) {
  project::Project only = project_;
  only.pipelines = {shadow.definition};
  MR_TRY(auto compiled, CompileAll(only, *stores_.engine));
  shadow.read_now = compiled.front().sinks.front().read_now;
  if (!request.compare && request.lake_to.empty()) {
    MR_TRY(shadow.hash, CheckRunning(request.pipeline));
  }
  const auto folder = Folder(stores_);
  MR_CHECK_OK(MakeDirs(folder));
  MR_TRY(shadow.state, pipeline::StateDb::Open(folder));
  MR_CHECK_OK(CopyLetters(request, shadow));
  pipeline::Options options;
  options.sent_letters_block = false;  // the original has had those for long
  options.lookup_cache_bytes = settings_.pipelines.lookup_cache.value;
  shadow.pipelines = std::make_unique<pipeline::Pipelines>(
      std::move(compiled),
      pipeline::Services{*stores_.log, shadow.readers, mark_, *stores_.engine,
                         *shadow.state, logger_, shadow.metrics, SystemClock(), folder,
                         *stores_.snapshots},
      options);
  MR_CHECK_OK(
      shadow.pipelines->Prepare(request.pipeline, MakeSinkFactory(*stores_.sink_parts)));
  {
    const std::lock_guard lock(mutex_);
    running_ = shadow.pipelines.get();
  }
  if (cancelled_) return Fail(ErrorCode::kUnavailable, "cancelled");
  if (shadow.begins_with_snapshot) {
    MR_TRY(shadow.snapshot, TakeSnapshot(shadow.definition));
  }
  std::vector<ReplayedSink> replayed;
  for (const auto& sink : shadow.definition.sinks) {
    MR_TRY(auto one, RunSink(request, shadow, sink));
    replayed.push_back(std::move(one));
  }
  return replayed;
}

/// What was redriven is to come into a new lake, too; what was dismissed nowhere.
Status PipelineReplay::CopyLetters(const ReplayRequest& request, Shadow& shadow) const {
  MR_TRY(const auto* const pipeline, FindPipeline(project_, request.pipeline));
  MR_TRY(const auto info,
         stores_.log->Stream({"", pipeline::RedriveStream(request.pipeline)}));
  for (const auto& sink : pipeline->sinks) {
    const bool lake = std::holds_alternative<project::LakeSink>(sink.target);
    const bool chosen = request.sink.empty() || sink.name == request.sink;
    if (!chosen || lake == request.lake_to.empty()) continue;
    MR_CHECK_OK(shadow.state->letters().CopySettled(
        stores_.state->letters(), request.pipeline, sink.name,
        lake ? shadow.definition.sinks.front().name : sink.name,
        lake ? std::optional(info.first) : std::nullopt));
  }
  return {};
}

Result<ReplayedSink> PipelineReplay::RunSink(const ReplayRequest& request, Shadow& shadow,
                                             const project::Sink& sink) {
  ReplayedSink replayed;
  replayed.name = sink.name;
  MR_TRY(replayed.upto, Target(shadow, sink.name));
  if (shadow.snapshot) {
    replayed.snapshot = shadow.snapshot->upto;
    replayed.upto = std::max(replayed.upto, shadow.snapshot->changes);
  }
  MR_CHECK_OK(RunTo(shadow, sink.name, replayed.upto));
  if (const auto* table = std::get_if<project::TableSink>(&sink.target)) {
    MR_CHECK_OK(
        Exchange(request, shadow, table->name.substr(kShadowPrefix.size()), replayed));
  } else {
    MR_CHECK_OK(shadow.pipelines->RunRedriven(request.pipeline));
    replayed.target = "lake/" + request.lake_to;
  }
  MR_TRY(replayed.dead_letters,
         StillWaiting(shadow.state->letters(), stores_.state->letters(), request.pipeline,
                      sink.name));
  return replayed;
}

/// Where the live sink stands; the end of the log where none runs.
Result<Offset> PipelineReplay::Target(const Shadow& shadow,
                                      const std::string& sink) const {
  if (live_ != nullptr) {
    for (const auto& pipeline : live_->status()) {
      if (pipeline.name != shadow.definition.name) continue;
      for (const auto& one : pipeline.sinks) {
        if (one.name == sink && one.state != "stopped" && one.position)
          return *one.position;
      }
    }
  }
  MR_TRY(const auto info, stores_.log->Stream(StreamOf(shadow.definition)));
  return info.next;
}

Status PipelineReplay::RunTo(Shadow& shadow, const std::string& sink, Offset end) {
  Show({sink, 0, end});
  MR_TRY(const auto status, shadow.pipelines->RunTo(shadow.definition.name, sink, end));
  if (status.state == "stopped") {
    return Fail(ErrorCode::kInternal, "replay of " + sink + ": " + status.reason);
  }
  Show({sink, end, end});
  return {};
}

Status PipelineReplay::Exchange(const ReplayRequest& request, Shadow& shadow,
                                const std::string& table, ReplayedSink& replayed) {
  replayed.target = "table " + table;
  const auto exchange = [&]() -> Status {
    if (request.compare) {
      LeftOut left_out{shadow.read_now, {}};
      MR_TRY(left_out.keys,
             RedrivenKeys(stores_.state->letters(), request.pipeline, replayed.name));
      MR_TRY(replayed.difference,
             CompareTables(*stores_.warehouse, table, ShadowOf(table), left_out));
      return {};
    }
    // What was redriven into the old table is to come into the new one, too.
    auto& letters = stores_.state->letters();
    auto& others = shadow.state->letters();
    std::optional<Version> above;
    if (shadow.snapshot) above = pipeline::SnapshotVersion(*shadow.snapshot);
    MR_CHECK_OK(letters.Adopt(request.pipeline, replayed.name, others));
    MR_CHECK_OK(letters.Resend(request.pipeline, replayed.name, 0, above));
    MR_FAIL_POINT("resnapshot.before_exchange");
    MR_CHECK_OK(stores_.warehouse->Replace(table, ShadowOf(table)));
    MR_FAIL_POINT("resnapshot.after_exchange");
    MR_CHECK_OK(stores_.state->ResetDefinitions(
        request.pipeline, replayed.name,
        {shadow.hash, shadow.snapshot ? shadow.snapshot->changes : 0}));
    return letters.CloseOthers(request.pipeline, replayed.name, others);
  };
  if (live_ == nullptr) return exchange();
  return live_->WhilePaused(request.pipeline, replayed.name,
                            [&](const pipeline::SinkStatus& now) -> Status {
                              // What came meanwhile; a live sink that has stopped further
                              // back is left behind.
                              if (now.position && *now.position > replayed.upto) {
                                replayed.upto = *now.position;
                                MR_CHECK_OK(RunTo(shadow, replayed.name, replayed.upto));
                              }
                              return exchange();
                            });
}

StreamId StreamOf(const project::Pipeline& definition) {
  return {"", definition.codec.empty() ? definition.collection : definition.stream};
}

Status RemoveShadows(Stores& stores) {
  // Whether the folder is there says nothing about tables: people empty tmp/.
  for (const auto& table : stores.warehouse->TableNames()) {
    if (table.starts_with(kShadowPrefix)) MR_CHECK_OK(stores.warehouse->DropTable(table));
  }
  std::error_code failed;
  std::filesystem::remove_all(Folder(stores), failed);
  return {};
}

}  // namespace millrace::app
