#include "lane.hpp"

/// How others start, pause and stop a lane.
namespace millrace::pipeline {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

void Lane::Start(std::optional<std::uint64_t> limit, bool until_end) {
  limit_ = limit;
  until_end_ = until_end;
  Launch();
}

void Lane::StartTo(Offset end) {
  end_ = end;
  if (!open_ || !AtEnd()) Launch();
}

void Lane::Launch() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == "stopped" || sink_ == nullptr) return;
    ended_ = false;
  }
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this] { Run(); });
}

void Lane::Pause() {
  constexpr milliseconds kLookAgain{10};
  std::unique_lock lock(mutex_);
  pausing_.store(true, std::memory_order_release);
  wake_.notify_all();
  // It may be about to wait for the log: only a wait can be ended.
  while (!wake_.wait_for(lock, kLookAgain, [this] { return paused_ || ended_; })) {
    services_.log.Interrupt(&stream_);
  }
}

void Lane::Resume() {
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    pausing_.store(false, std::memory_order_release);
    wake_.notify_all();
    ended = ended_ && sink_ != nullptr && !stopping();
    if (ended) state_ = "starting";
  }
  if (!ended) return;
  open_ = false;
  failures_ = 0;
  Launch();
}

void Lane::WaitWhilePaused() {
  std::unique_lock lock(mutex_);
  paused_ = true;
  wake_.notify_all();
  wake_.wait(lock, [this] { return !pausing() || stopping(); });
  paused_ = false;
  open_ = false;
}

void Lane::RequestStop() {
  const std::lock_guard lock(mutex_);
  stopping_.store(true, std::memory_order_release);
  wake_.notify_all();
}

bool Lane::Join(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    const auto ended = [this] { return ended_; };
    if (deadline.at() == Steady::time_point::max()) {
      wake_.wait(lock, ended);
    } else if (!wake_.wait_until(lock, deadline.at(), ended)) {
      return false;
    }
  }
  if (thread_.joinable()) thread_.join();
  return true;
}

}  // namespace millrace::pipeline
