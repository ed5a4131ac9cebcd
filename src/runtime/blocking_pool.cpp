#include "runtime/blocking_pool.hpp"

#include <utility>

namespace millrace::runtime {

BlockingPool::BlockingPool(std::size_t threads, std::size_t queue_max)
    : queue_max_(queue_max) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

BlockingPool::~BlockingPool() { Stop(); }

void BlockingPool::Stop() {
  std::deque<std::move_only_function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    // What a task leaves when it is dropped may submit again.
    dropped.swap(queue_);
  }
  ready_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool BlockingPool::Submit(std::move_only_function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(task));
  }
  ready_.notify_one();
  return true;
}

void BlockingPool::Loop() {
  for (;;) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
  }
}

}  // namespace millrace::runtime
