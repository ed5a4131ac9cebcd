#pragma once

#include <functional>
#include <utility>

#include "base/time.hpp"

namespace millrace::identity {

/// Time that a test owns.
class TestClock final : public Clock {
 public:
  TimestampUs Now() const override {
    if (auto meanwhile = std::exchange(meanwhile_, nullptr)) meanwhile();
    return now;
  }
  void Pass(std::int64_t seconds) { now += seconds * 1'000'000; }
  /// Happens once, as somebody asks for the time: what writes asks before it begins.
  void Meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

  TimestampUs now = 1'700'000'000'000'000;

 private:
  mutable std::function<void()> meanwhile_;
};

}  // namespace millrace::identity
