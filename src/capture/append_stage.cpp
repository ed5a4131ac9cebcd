#include "append_stage.hpp"

#include <utility>

#include "base/failpoint.hpp"

namespace millrace::capture {

void Refuse(FormedAppend& append, const Error& error) {
  for (auto& request : append.requests) request.done(Fail(Error(error)));
}

AppendStage::AppendStage(eventlog::EventLog& log, StreamId stream,
                         telemetry::Counter& events)
    : log_(log),
      stream_(std::move(stream)),
      events_(events),
      thread_([this] { Loop(); }) {}

AppendStage::~AppendStage() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool AppendStage::HandOver(FormedAppend& append) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return lost_ || !waiting_; });
  if (lost_) return false;
  waiting_ = std::move(append);
  changed_.notify_all();
  return true;
}

std::optional<AppendStage::Lost> AppendStage::TakeLost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, std::nullopt);
}

void AppendStage::Loop() {
  while (true) {
    std::optional<FormedAppend> append;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || waiting_; });
      if (!waiting_) return;
      append = std::exchange(waiting_, std::nullopt);
    }
    changed_.notify_all();
    if (auto written = Write(*append); !written) {
      Lose(*append, std::move(written.error()).During("append to " + stream_.name));
      continue;
    }
    events_.Add(append->ends.size());
    for (std::size_t i = 0; i < append->requests.size(); ++i)
      append->requests[i].done(std::move(append->accepted[i]));
  }
}

Status AppendStage::Write(const FormedAppend& append) {
  if (append.ends.empty()) return {};
  eventlog::EventBatch batch;
  batch.stream = stream_;
  batch.source = stream_.name;
  batch.after = append.after;
  batch.upto = append.upto;
  batch.bodies.reserve(append.ends.size());
  std::size_t begin = 0;
  for (const auto end : append.ends) {
    batch.bodies.push_back(std::string_view(append.bytes).substr(begin, end - begin));
    begin = end;
  }
  MR_FAIL_POINT("streams.before_append");
  MR_CHECK_OK(log_.Append(batch, Deadline::Never()));
  MR_FAIL_POINT("streams.after_append");
  return {};
}

/// And what waits behind it: its offsets, and what it took for duplicates, are wrong now.
void AppendStage::Lose(FormedAppend& append, const Error& error) {
  std::optional<FormedAppend> behind;
  {
    const std::lock_guard lock(mutex_);
    behind = std::exchange(waiting_, std::nullopt);
    const auto events = append.ends.size() + (behind ? behind->ends.size() : 0);
    lost_ = Lost{error, events, append.after, append.first, append.last_at};
  }
  changed_.notify_all();
  Refuse(append, error);
  if (behind) Refuse(*behind, error);
}

}  // namespace millrace::capture
