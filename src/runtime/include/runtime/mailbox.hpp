#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace::runtime {

/// Where other threads leave letters for the thread of an event loop. Many that are left
/// at nearly the same time wake it once.
template <typename Letter>
class Mailbox {
 public:
  /// `wake`: any thread; makes the loop's thread call TakeAll soon.
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// False after Close: the letter is dropped. Any thread.
  bool Post(Letter letter) {
    const std::scoped_lock lock(mutex_);
    if (closed_) return false;
    letters_.push_back(std::move(letter));
    // Under the lock, so that Close cannot let the loop go in between.
    if (letters_.size() == 1) wake_();
    return true;
  }

  std::vector<Letter> TakeAll() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(letters_, {});
  }

  /// `wake` is not called any more once this returns; gives what was left.
  std::vector<Letter> Close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    return std::exchange(letters_, {});
  }

 private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Letter> letters_;
};

}  // namespace millrace::runtime
