#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::runtime {

/// Threads for work that waits (reads from disk, SQL), so that the HTTP loop never does.
/// Bounded: a full queue refuses. Any thread may submit. Stop, or the destructor,
/// finishes the tasks under way and drops the waiting ones (their responders answer by
/// themselves). Pools that hand work to each other are all stopped before one is
/// destroyed.
class BlockingPool {
 public:
  BlockingPool(std::size_t threads, std::size_t queue_max);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Not from a task of its own. May be called again.
  void Stop();
  /// False when the queue is full or the pool stops; the task is then not run.
  [[nodiscard]] bool Submit(std::move_only_function<void()> task);

 private:
  void Loop();

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::move_only_function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::runtime
