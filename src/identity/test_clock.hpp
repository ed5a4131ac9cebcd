#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "base/time.hpp"

namespace millrace::identity {

/// Time that a test owns.
class TestClock final : public Clock {
 public:
  TimestampUs Now() const override {
    if (waiting_.exchange(false)) std::exchange(meanwhile_, nullptr)();
    return now;
  }
  void Pass(std::int64_t seconds) { now += seconds * 1'000'000; }
  /// Happens once, as somebody asks for the time: what writes asks before it begins.
  void Meanwhile(std::function<void()> meanwhile) {
    meanwhile_ = std::move(meanwhile);
    waiting_ = true;
  }

  TimestampUs now = 1'700'000'000'000'000;

 private:
  mutable std::function<void()> meanwhile_;
  mutable std::atomic<bool> waiting_ = false;  ///< for it, on whichever thread
};

}  // namespace millrace::identity
