#include <algorithm>

#include "lane.hpp"
#include "lookup_state.hpp"
#include "pipeline/pipelines.hpp"
#include "redriver.hpp"

namespace millrace::pipeline {

Status Pipelines::RepairRedrives() {
  for (const CompiledPipeline& pipeline : pipelines_) {
    MR_CHECK_OK(redriver_->Repair(pipeline.definition.name));
  }
  return {};
}

void Pipelines::AddLetterMetrics() {
  using Kind = telemetry::Registry::CallbackKind;
  for (const CompiledPipeline& pipeline : pipelines_) {
    for (const CompiledSink& sink : pipeline.sinks) {
      const std::string& name = pipeline.definition.name;
      const telemetry::Labels labels{{"pipeline", name}, {"sink", sink.name}};
      callbacks_.push_back(services_.metrics.AddCallback(
          Kind::kGauge, "pipeline_dead_letters_waiting",
          "Letters whose change is not in the sink.", labels, [this, &name, &sink] {
            const auto count = services_.state.letters().Count(name, sink.name);
            return count ? static_cast<double>(*count) : 0.0;
          }));
      callbacks_.push_back(services_.metrics.AddCallback(
          Kind::kGauge, "pipeline_dead_letter_age_seconds",
          "Since the oldest waiting letter died first; 0: none.", labels,
          [this, &name, &sink] {
            const auto oldest = services_.state.letters().Oldest(name, sink.name);
            if (!oldest || !*oldest) return 0.0;
            return static_cast<double>(services_.clock.Now() - **oldest) / 1e6;
          }));
    }
  }
}

Lane* Pipelines::FindRedrive(const CompiledPipeline& pipeline,
                             const std::string& sink) const {
  for (const auto& lane : redrives_) {
    if (&lane->pipeline() == &pipeline && lane->sink() == sink) return lane.get();
  }
  return nullptr;
}

Status Pipelines::OpenRedrives(const CompiledPipeline& pipeline, bool until_end) {
  MR_TRY(const auto sinks, services_.state.letters().SentSinks(pipeline.definition.name));
  const std::lock_guard lock(redrives_mutex_);
  if (!started_ && !until_end) return {};  // stopped meanwhile
  for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
    const std::string& name = pipeline.sinks[i].name;
    Lane* const changes = Find(pipeline.definition.name, name);
    const bool wanted = std::ranges::find(sinks, name) != sinks.end();
    if (!wanted || changes == nullptr || FindRedrive(pipeline, name) != nullptr) continue;
    if (held_.contains(changes)) continue;  // WhilePaused opens it
    auto sink = factory_(pipeline, pipeline.sinks[i], pipeline.definition.sinks[i],
                         kRedrivePartition);
    const std::string reason = sink ? "" : sink.error().ToString();
    redrives_.push_back(std::make_unique<Lane>(pipeline, i,
                                               sink ? std::move(*sink) : nullptr, nullptr,
                                               services_, *lookups_, options_, changes));
    if (!sink) redrives_.back()->Stopped(reason);
    redrives_.back()->Start({}, until_end);
  }
  return {};
}

Result<RedriveStarted> Pipelines::Redrive(const LetterFilter& filter) {
  RedriveStarted started;
  MR_TRY(started.run, services_.state.letters().NextRun());
  bool found = false;
  for (const CompiledPipeline& pipeline : pipelines_) {
    const std::string& name = pipeline.definition.name;
    if (!filter.pipeline.empty() && filter.pipeline != name) continue;
    found = true;
    for (const CompiledSink& sink : pipeline.sinks) {
      if (!filter.sink.empty() && filter.sink != sink.name) continue;
      LetterFilter one = filter;
      one.pipeline = name;
      one.sink = sink.name;
      MR_TRY(const auto ids, services_.state.letters().Open(one));
      MR_CHECK_OK(redriver_->Send(name, ids, started.run));
      started.letters += ids.size();
    }
    MR_CHECK_OK(OpenRedrives(pipeline, false));
  }
  if (found) return started;
  return Fail(ErrorCode::kNotFound, "there is no pipeline " + filter.pipeline);
}

/// That there is a pipeline, and a sink, such as the filter names.
Status Pipelines::CheckKnown(const LetterFilter& filter) const {
  const auto known = [&filter](const CompiledPipeline& pipeline) {
    const auto& name = pipeline.definition.name;
    if (!filter.pipeline.empty() && name != filter.pipeline) return false;
    return filter.sink.empty() ||
           std::ranges::find(pipeline.sinks, filter.sink, &CompiledSink::name) !=
               pipeline.sinks.end();
  };
  const bool named = !filter.pipeline.empty() || !filter.sink.empty();
  if (!named || std::ranges::any_of(pipelines_, known)) return {};
  if (filter.sink.empty()) {
    return Fail(ErrorCode::kNotFound, "there is no pipeline " + filter.pipeline);
  }
  return Fail(ErrorCode::kNotFound,
              "there is no sink " + filter.sink +
                  (filter.pipeline.empty() ? "" : " of pipeline " + filter.pipeline));
}

Result<std::uint64_t> Pipelines::Dismiss(const LetterFilter& filter,
                                         const std::string& reason) {
  MR_TRY(const auto dismissed, services_.state.letters().Dismiss(filter, reason));
  if (dismissed.empty()) MR_CHECK_OK(CheckKnown(filter));
  std::uint64_t letters = 0;
  for (const auto& [of, count] : dismissed) {
    letters += count;
    services_.metrics
        .AddCounter("pipeline_letters_dismissed_total", "Letters that were given up.",
                    {{"pipeline", of.first}, {"sink", of.second}})
        .Add(count);
    // They are dismissed; a failure here is made good by the next letter or start.
    Lane* const lane = Find(of.first, of.second);
    if (lane != nullptr) static_cast<void>(lane->LettersDismissed());
  }
  return letters;
}

Status Pipelines::RunRedriven(const std::string& pipeline) {
  const auto found = std::ranges::find(pipelines_, pipeline,
                                       [](const auto& p) { return p.definition.name; });
  if (found == pipelines_.end()) {
    return Fail(ErrorCode::kNotFound, "there is no pipeline " + pipeline);
  }
  MR_CHECK_OK(OpenRedrives(*found, true));
  // The flag is read after the start: Cancel has seen the lanes, or is seen here.
  for (const auto& lane : redrives_) {
    if (cancelled_) lane->RequestStop();
    lane->Join(Deadline::Never());
  }
  if (cancelled_) return Fail(ErrorCode::kUnavailable, "cancelled");
  for (const auto& lane : redrives_) {
    const auto status = lane->status();
    if (status.state == "stopped") {
      return Fail(ErrorCode::kInternal,
                  "what was redriven into " + status.name + ": " + status.reason);
    }
  }
  return {};
}

Result<RedriveProgress> Pipelines::Redriven(std::uint64_t run) const {
  RedriveProgress progress;
  MR_TRY(progress.letters, services_.state.letters().CountRun(run));
  const std::lock_guard lock(redrives_mutex_);
  for (const auto& lane : redrives_) {
    SinkStatus status = lane->status();
    if (status.state == "stopped" || status.state == "retrying") {
      status.name = lane->pipeline().definition.name + "/" + status.name;
      progress.stuck.push_back(std::move(status));
    }
  }
  return progress;
}

}  // namespace millrace::pipeline
