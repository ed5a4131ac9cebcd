#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace {

/// Microseconds since 1970-01-01T00:00:00Z.
using TimestampUs = std::int64_t;

/// "2013-01-01T05:00:00Z", with six fraction digits only when they are not all zero.
void AppendTimestamp(std::string& out, TimestampUs at);
/// RFC 3339 with zone (Z or ±hh:mm), year 0001..9999, seconds 00..59, up to 6 fraction
/// digits (more are refused, never rounded); "T" or one space between date and time.
Result<TimestampUs> ParseTimestamp(std::string_view text);

/// Days since 1970-01-01; "YYYY-MM-DD", year 0001..9999, real days only.
void AppendDate(std::string& out, std::int32_t days);
Result<std::int32_t> ParseDate(std::string_view text);

/// Time comes in through constructors, so that a test can own it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimestampUs Now() const = 0;  ///< any thread; may jump back
};
/// The machine's wall clock. Any thread.
const Clock& SystemClock();

/// When a call that may wait gives up; monotonic.
class Deadline {
 public:
  using Steady = std::chrono::steady_clock;
  static Deadline After(std::chrono::milliseconds wait) {
    return Deadline(Steady::now() + wait);
  }
  static Deadline Never() { return Deadline(Steady::time_point::max()); }
  /// `other` less `margin`.
  static Deadline Before(Deadline other, std::chrono::milliseconds margin) {
    return Deadline(other.at_ == Steady::time_point::max() ? other.at_
                                                           : other.at_ - margin);
  }
  bool expired() const { return Steady::now() >= at_; }
  Steady::time_point at() const { return at_; }

 private:
  explicit Deadline(Steady::time_point at) : at_(at) {}
  Steady::time_point at_;
};

}  // namespace millrace
