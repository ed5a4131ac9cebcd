#pragma once

#include "base/time.hpp"

namespace millrace::identity {

/// Time that a test owns.
class TestClock final : public Clock {
 public:
  TimestampUs Now() const override { return now; }
  void Pass(std::int64_t seconds) { now += seconds * 1'000'000; }
  TimestampUs now = 1'700'000'000'000'000;
};

}  // namespace millrace::identity
