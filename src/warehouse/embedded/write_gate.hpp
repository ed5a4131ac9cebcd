#pragma once

#include <condition_variable>
#include <mutex>

namespace millrace::warehouse {

/// Lets writing transactions in side by side, and a checkpoint alone: the engine refuses
/// a checkpoint while anything writes. A waiting checkpoint goes before new writers. Any
/// thread.
class WriteGate {
 public:
  void EnterWriter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !alone_; });
    ++writers_;
  }
  void LeaveWriter() {
    const std::scoped_lock lock(mutex_);
    if (--writers_ == 0) changed_.notify_all();
  }
  /// One caller at a time.
  void EnterAlone() {
    std::unique_lock lock(mutex_);
    alone_ = true;
    changed_.wait(lock, [this] { return writers_ == 0; });
  }
  void LeaveAlone() {
    const std::scoped_lock lock(mutex_);
    alone_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int writers_ = 0;
  bool alone_ = false;
};

}  // namespace millrace::warehouse
