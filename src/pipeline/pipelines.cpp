#include "pipeline/pipelines.hpp"

#include <algorithm>
#include <thread>

#include "lane.hpp"
#include "lookup_state.hpp"
#include "redriver.hpp"

namespace millrace::pipeline {
namespace {

/// Higher is worse.
int Severity(std::string_view state) {
  constexpr std::string_view kOrder[] = {"done",     "finished", "running", "snapshot",
                                         "starting", "retrying", "stopped"};
  return static_cast<int>(std::ranges::find(kOrder, state) - std::begin(kOrder));
}

std::vector<StoredPipeline> Stored(const std::vector<CompiledPipeline>& pipelines) {
  std::vector<StoredPipeline> stored;
  for (const CompiledPipeline& pipeline : pipelines) {
    stored.push_back({pipeline.definition.name, pipeline.stream(), pipeline.hash, {}});
    for (const CompiledSink& sink : pipeline.sinks) {
      stored.back().sinks.push_back({sink.name, {}, "new", "", 0});
    }
  }
  return stored;
}

}  // namespace

Pipelines::Pipelines(std::vector<CompiledPipeline> pipelines, Services services,
                     Options options)
    : pipelines_(std::move(pipelines)),
      services_(std::move(services)),
      options_(options),
      redriver_(std::make_unique<Redriver>(services_.log, services_.state.letters())) {}

Pipelines::~Pipelines() {
  if (started_) static_cast<void>(Stop(Deadline::Never()));
  redrives_.clear();
  lanes_.clear();  // they use the lookups
}

Status Pipelines::Open(const SinkFactory& factory, const std::string* only) {
  MR_CHECK_OK(services_.state.SetPipelines(Stored(pipelines_)));
  MR_CHECK_OK(RepairRedrives());
  factory_ = factory;
  MR_CHECK_OK(OpenLookups());
  for (const CompiledPipeline& pipeline : pipelines_) {
    for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
      // A pipeline that does not run now still needs its events and lookups later.
      const bool wanted = only == nullptr || pipeline.definition.name == *only;
      auto sink = wanted ? factory(pipeline, pipeline.sinks[i],
                                   pipeline.definition.sinks[i], kChangesPartition)
                         : Result<std::unique_ptr<Sink>>(nullptr);
      const std::string reason = sink ? "" : sink.error().ToString();
      std::unique_ptr<Sink> snapshots;
      if (wanted && sink && !pipeline.definition.of_stream) {
        MR_TRY(snapshots, factory(pipeline, pipeline.sinks[i],
                                  pipeline.definition.sinks[i], kSnapshotPartition));
      }
      auto lane =
          std::make_unique<Lane>(pipeline, i, sink ? std::move(*sink) : nullptr,
                                 std::move(snapshots), services_, *lookups_, options_);
      if (!sink) {
        lane->Stopped(reason);
      } else if (wanted) {
        lane->Prepare();
      }
      lanes_.push_back(std::move(lane));
    }
  }
  return {};
}

Status Pipelines::OpenLookups() {
  if (lookups_ != nullptr) return {};
  lookups_ = std::make_unique<LookupSet>(LookupServices{
      services_.log, services_.retention, services_.mark, services_.snapshots.records(),
      services_.state, services_.logger, services_.data / "lookups",
      options_.lookup_cache_bytes, options_.first_retry, options_.last_retry});
  return lookups_->Open(pipelines_);
}

Status Pipelines::Start(const SinkFactory& factory) {
  MR_CHECK_OK(Open(factory, nullptr));
  AddLetterMetrics();
  AddSnapshotMetrics();
  started_ = true;
  lookups_->StartFeeding();
  for (auto& lane : lanes_) lane->Start();
  for (const CompiledPipeline& pipeline : pipelines_) {
    MR_CHECK_OK(OpenRedrives(pipeline, false));
  }
  return {};
}

void Pipelines::AddSnapshotMetrics() {
  for (const auto& lane : lanes_) {
    callbacks_.push_back(services_.metrics.AddCallback(
        telemetry::Registry::CallbackKind::kGauge, "pipeline_snapshot_waiting",
        "Records of a snapshot that the sink does not have yet.",
        {{"pipeline", lane->pipeline().definition.name}, {"sink", lane->sink()}},
        [one = lane.get()] { return static_cast<double>(one->snapshot_left()); }));
  }
}

bool Pipelines::Finish(Deadline deadline) {
  constexpr std::chrono::milliseconds kLookAgain{5};
  const auto through = [this](const Lane& lane) {
    const auto state = lane.status().state;
    // What waits in the log, or for it.
    if (state == "stopped" || state == "retrying" || state == "snapshot") return true;
    const auto info = services_.log.Stream({"", lane.pipeline().stream()});
    return !info || lane.taken() >= info->next;
  };
  for (const auto& lane : lanes_) {
    while (!through(*lane)) {
      if (deadline.expired()) return false;
      std::this_thread::sleep_for(kLookAgain);
    }
  }
  return true;
}

bool Pipelines::Stop(Deadline deadline) {
  std::unique_lock lock(redrives_mutex_);
  // What is under way for a lane that is paused uses what is gone after this.
  released_.wait(lock, [this] { return held_.empty(); });
  started_ = false;
  for (auto& lane : lanes_) lane->RequestStop();
  for (auto& lane : redrives_) lane->RequestStop();
  services_.log.Interrupt(nullptr);
  services_.mark.Interrupt();
  bool all = true;
  for (auto& lane : redrives_) all = lane->Join(deadline) && all;
  for (auto& lane : lanes_) all = lane->Join(deadline) && all;
  if (all && lookups_ != nullptr) all = lookups_->Checkpoint().has_value();
  return all;
}

Status Pipelines::Prepare(const std::string& name, const SinkFactory& factory) {
  const auto found = std::ranges::find(pipelines_, name,
                                       [](const auto& p) { return p.definition.name; });
  if (found != pipelines_.end()) return Open(factory, &name);
  return Fail(ErrorCode::kNotFound, "there is no pipeline " + name);
}

Lane* Pipelines::Find(const std::string& pipeline, const std::string& sink) const {
  for (const auto& lane : lanes_) {
    if (lane->pipeline().definition.name == pipeline && lane->status().name == sink)
      return lane.get();
  }
  return nullptr;
}

Result<SinkStatus> Pipelines::RunTo(const std::string& pipeline, const std::string& sink,
                                    Offset end) {
  Lane* const lane = Find(pipeline, sink);
  if (lane == nullptr) {
    return Fail(ErrorCode::kNotFound, "there is no sink " + pipeline + "/" + sink);
  }
  lane->StartTo(end);
  // The flag is read after the start: Cancel has seen the lane, or is seen here.
  if (cancelled_) lane->RequestStop();
  lane->Join(Deadline::Never());
  if (cancelled_) return Fail(ErrorCode::kUnavailable, "cancelled");
  return lane->status();
}

void Pipelines::Cancel() {
  cancelled_ = true;
  for (auto& lane : lanes_) lane->RequestStop();
  const std::lock_guard lock(redrives_mutex_);
  for (auto& lane : redrives_) lane->RequestStop();
}

Status Pipelines::WhilePaused(const std::string& pipeline, const std::string& sink,
                              const std::function<Status(const SinkStatus&)>& work) {
  Lane* const lane = Find(pipeline, sink);
  if (lane == nullptr) {
    return Fail(ErrorCode::kNotFound, "there is no sink " + pipeline + "/" + sink);
  }
  lane->Pause();
  Lane* redrive = nullptr;
  {
    const std::lock_guard lock(redrives_mutex_);
    ++held_[lane];
    redrive = FindRedrive(lane->pipeline(), sink);
    if (redrive != nullptr) redrive->Pause();
  }
  auto done = work(lane->status());
  {
    const std::lock_guard lock(redrives_mutex_);
    if (--held_[lane] == 0) {
      held_.erase(lane);
      lane->Resume();
      if (redrive != nullptr) redrive->Resume();
    }
  }
  released_.notify_all();
  const auto opened = OpenRedrives(lane->pipeline(), false);
  MR_CHECK_OK(done);
  return opened;
}

Status Pipelines::GoOnFrom(const std::string& pipeline, const std::string& sink,
                           const Snapshot& snapshot) {
  const auto go_on = [&](const SinkStatus& now) -> Status {
    if (!now.reason.starts_with("position_lost")) {
      return Fail(ErrorCode::kConflict,
                  pipeline + "/" + sink + " has not lost its position: it has no gap");
    }
    const CompiledPipeline& of = Find(pipeline, sink)->pipeline();
    const auto at = static_cast<std::size_t>(
        std::ranges::find(of.sinks, sink, &CompiledSink::name) - of.sinks.begin());
    if (of.sinks[at].is_table) {
      return Fail(ErrorCode::kInvalidArgument, sink + " is a table: build it anew");
    }
    MR_TRY(const auto target,
           factory_(of, of.sinks[at], of.definition.sinks[at], kSnapshotPartition));
    MR_TRY(const auto position, target->Open(of.sinks[at].output));
    Find(pipeline, sink)->NeedSnapshot(snapshot.first);
    if (!position) return target->Start(snapshot.first);
    if (*position == snapshot.first) return {};
    return target->Skip(snapshot.first, "the next snapshot");
  };
  return WhilePaused(pipeline, sink, go_on);
}

Result<PipelineStatus> Pipelines::Run(const std::string& name, Limit limit,
                                      const SinkFactory& factory) {
  const auto found = std::ranges::find_if(
      pipelines_, [&](const auto& pipeline) { return pipeline.definition.name == name; });
  if (found == pipelines_.end()) {
    return Fail(ErrorCode::kNotFound, "there is no pipeline " + name);
  }
  MR_CHECK_OK(Open(factory, &name));
  std::vector<Lane*> running;
  for (auto& lane : lanes_) {
    if (lane->pipeline().definition.name != name) continue;
    lane->Start(limit.max_records, true);
    running.push_back(lane.get());
  }
  for (Lane* lane : running) lane->Join(Deadline::Never());
  // A sink that stopped on its way has letters that are not decided yet.
  if (StatusOf(*found).state == "done") MR_CHECK_OK(OpenRedrives(*found, true));
  for (auto& lane : redrives_) lane->Join(Deadline::Never());
  MR_CHECK_OK(lookups_->Checkpoint());
  return StatusOf(*found);
}

PipelineStatus Pipelines::StatusOf(const CompiledPipeline& pipeline) const {
  PipelineStatus status;
  status.name = pipeline.definition.name;
  status.stream = pipeline.stream();
  status.hash = pipeline.hash;
  const auto info = services_.log.Stream({"", status.stream});
  status.end = info ? info->next : 0;
  const Offset first = info ? info->first : 0;
  status.position = status.end;
  for (const CompiledLookup& lookup : pipeline.lookups) {
    status.lookups.push_back({lookup.name, 0});
  }
  for (const auto& lane : lanes_) {
    if (&lane->pipeline() != &pipeline) continue;
    SinkStatus sink = lane->status();
    const Offset position = std::min(sink.position.value_or(first), status.end);
    sink.lag_events = status.end - position;
    status.position = std::min(status.position, position);
    status.dead_letters += sink.dead_letters;
    if (status.state.empty() || Severity(sink.state) > Severity(status.state)) {
      status.state = sink.state;
      status.reason = sink.reason;
    }
    const auto misses = lane->misses();
    for (std::size_t i = 0; i < misses.size(); ++i) status.lookups[i].misses += misses[i];
    status.sinks.push_back(std::move(sink));
  }
  status.lag_events = status.end - status.position;
  const std::lock_guard lock(redrives_mutex_);
  for (const auto& lane : redrives_) {
    if (&lane->pipeline() == &pipeline) status.redrives.push_back(lane->status());
  }
  return status;
}

std::vector<PipelineStatus> Pipelines::status() const {
  std::vector<PipelineStatus> all;
  for (const CompiledPipeline& pipeline : pipelines_) all.push_back(StatusOf(pipeline));
  return all;
}

}  // namespace millrace::pipeline
