#include "replay_job.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "progress.hpp"
#include "project_loading.hpp"

namespace millrace::app {
namespace {

void AppendProgress(std::string& out, const PipelineReplay::Progress& progress) {
  out += fmt::format(",\"done\":{},\"total\":{}", progress.done, progress.total);
  if (const auto percent = PercentOf({progress.done, progress.total})) {
    out += fmt::format(",\"percent\":{}", *percent);
  }
}

}  // namespace

std::string ReportJson(const ReplayRequest& request,
                       const std::vector<ReplayedSink>& replayed) {
  std::string out = "{\"pipeline\":";
  AppendJsonString(out, request.pipeline);
  out += ",\"sinks\":[";
  for (std::size_t i = 0; i < replayed.size(); ++i) {
    out += i > 0 ? ",{\"sink\":" : "{\"sink\":";
    AppendJsonString(out, replayed[i].name);
    out += ",\"target\":";
    AppendJsonString(out, replayed[i].target);
    out += fmt::format(",\"upto\":{},\"dead_letters\":{}", replayed[i].upto,
                       replayed[i].dead_letters);
    if (replayed[i].snapshot) {
      out += fmt::format(",\"snapshot\":{}", replayed[i].snapshot->low);
    }
    if (replayed[i].difference) {
      out += ",\"difference\":";
      AppendJson(out, *replayed[i].difference);
    }
    out += '}';
  }
  return out + "]}";
}

ReplayJob::ReplayJob(Settings settings, Stores& stores, change::CompleteMark& mark,
                     pipeline::Pipelines& live, telemetry::Logger& logger)
    : settings_(std::move(settings)),
      stores_(stores),
      mark_(mark),
      live_(live),
      logger_(logger),
      ended_(R"({"state":"none"})") {}

ReplayJob::~ReplayJob() { Stop(); }

void ReplayJob::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  Cancel();
  if (thread_.joinable()) thread_.join();
}

Status ReplayJob::Start(const std::string& directory, ReplayRequest request) {
  auto project = project::Load(directory);
  if (!project) return Fail(ErrorOf(project.error()));
  const std::lock_guard lock(mutex_);
  if (stopped_) return Fail(ErrorCode::kUnavailable, "the server is stopping");
  if (running_) {
    return Fail(ErrorCode::kFenced, "a replay is under way: wait for it to end");
  }
  if (thread_.joinable()) thread_.join();
  work_ = std::make_shared<Work>(Work{std::move(*project), nullptr});
  work_->replay = std::make_unique<PipelineReplay>(work_->project, settings_, stores_,
                                                   mark_, &live_, logger_);
  running_ = true;
  thread_ = std::thread(
      [this, work = work_, request = std::move(request)] { Run(*work, request); });
  return {};
}

void ReplayJob::Run(Work& work, const ReplayRequest& request) {
  logger_.Info("replay begins", {{"pipeline", request.pipeline}});
  const auto replayed = work.replay->Run(request);
  std::string ended;
  if (replayed) {
    ended = R"({"state":"done")";
    AppendProgress(ended, work.replay->progress());
    ended += ",\"report\":" + ReportJson(request, *replayed) + "}";
    logger_.Info("replay ended", {{"pipeline", request.pipeline}});
  } else {
    ended = R"({"state":"failed")";
    AppendMember(ended, "code", static_cast<std::uint64_t>(replayed.error().code()));
    AppendMember(ended, "reason", replayed.error().message());
    ended += '}';
    logger_.Warn("replay failed: nothing was replaced",
                 {{"pipeline", request.pipeline}, {"why", replayed.error()}});
  }
  const std::lock_guard lock(mutex_);
  ended_ = std::move(ended);
  running_ = false;
}

void ReplayJob::Cancel() {
  const std::lock_guard lock(mutex_);
  if (running_) work_->replay->Cancel();
}

std::string ReplayJob::StatusJson() const {
  const std::lock_guard lock(mutex_);
  if (!running_) return ended_;
  const auto progress = work_->replay->progress();
  std::string out = "{\"state\":\"running\",\"sink\":";
  AppendJsonString(out, progress.sink);
  AppendProgress(out, progress);
  out += '}';
  return out;
}

}  // namespace millrace::app
