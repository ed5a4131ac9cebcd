#include <algorithm>

#include "lane.hpp"

namespace millrace::pipeline {
namespace {

/// Reasons that the message names itself.
constexpr std::string_view kNamed[] = {"source_went_back", "field_removed",
                                       "duplicate_rows", "too_many_dead",
                                       "too_many_parked"};

/// What an operator can do about it.
std::string WayOn(const project::Pipeline& pipeline) {
  if (pipeline.of_stream) return "; what the log dropped of a stream is nowhere else";
  return "; `millrace pipelines resnapshot " + pipeline.name +
         "` goes on with the records as they are";
}

std::string ReasonOf(const project::Pipeline& pipeline, const Error& error, bool open) {
  for (const std::string_view name : kNamed) {
    const std::size_t at = error.message().find(name);
    if (at != std::string::npos) return error.message().substr(at);
  }
  switch (error.code()) {
    case ErrorCode::kFenced:
      return "fenced: " + error.message();
    case ErrorCode::kDataLoss:
      return "data_loss: " + error.message();
    case ErrorCode::kOutOfRange:
      return "position_lost: " + error.message() + WayOn(pipeline);
    case ErrorCode::kInvalidArgument:
      if (!open) return "schema_changed: " + error.message();
      break;
    default:
      break;
  }
  return error.ToString();
}

}  // namespace

/// True: try again, after the pause that this took. False: the lane has stopped.
bool Lane::Handle(const Error& error) {
  // An unknown outcome is asked of the sink itself, by opening it again.
  const bool unknown = error.code() == ErrorCode::kDeadlineExceeded;
  if (!error.retryable() && !unknown) {
    if (!open_) KnowStored();
    const std::string reason = ReasonOf(pipeline_.definition, error, open_);
    services_.logger.Error("pipeline stopped", {{"pipeline", pipeline_.definition.name},
                                                {"sink", compiled_.name},
                                                {"why", reason}});
    SetState("stopped", reason);
    return false;
  }
  if (failed_in_sink_) FallBack();
  if (unknown && failed_in_sink_) open_ = false;
  failed_in_sink_ = false;
  retries_.Add();
  const bool first = failures_ == 0;
  if (first) {
    services_.logger.Warn("pipeline waits", {{"pipeline", pipeline_.definition.name},
                                             {"sink", compiled_.name},
                                             {"why", error}});
  }
  SetState("retrying", error.ToString());
  const int doubled = std::min(failures_++, 20);
  const auto pause =
      std::min(options_.first_retry * (std::int64_t{1} << doubled), options_.last_retry);
  if (running_) Sleep(std::chrono::steady_clock::now() + pause);
  return true;
}

void Lane::KnowStored() {
  const auto stored = sink_->Stored();
  const std::lock_guard lock(mutex_);
  if (!committed_) committed_ = stored;
}

void Lane::FallBack() {
  next_ = target().committed();
  letters_end_.reset();
  pending_.Clear();
}

void Lane::Finish() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == "stopped") return;
  }
  if (open_) {
    if (auto flushed = target().Flush(); flushed) {
      Committed();
      // What cannot be told of the letters now, the next start tells.
      if (redrive_) static_cast<void>(ResolveSent());
    } else if (!flushed.error().retryable()) {
      SetState("stopped", ReasonOf(pipeline_.definition, flushed.error(), true));
      return;
    } else {
      SetState("finished", flushed.error().ToString());
      return;
    }
  }
  SetState(AtEnd() ? "done" : "finished");
}

void Lane::SetState(std::string state, std::string reason) {
  StoredSink stored{compiled_.name, {}, std::move(state), std::move(reason), 0};
  {
    const std::lock_guard lock(mutex_);
    if (state_ == stored.state && reason_ == stored.reason) return;
    state_ = stored.state;
    reason_ = stored.reason;
    stored.position = committed_;
  }
  if (redrive_) return;
  // A report for later: a disk that is full now must not stop the lane for it.
  static_cast<void>(services_.state.SetSink(pipeline_.definition.name, stored));
}

}  // namespace millrace::pipeline
