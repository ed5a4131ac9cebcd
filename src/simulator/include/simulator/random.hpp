#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace::simulator {

/// Random numbers that depend on the seed alone, on every machine and with every library
/// (unlike std::uniform_int_distribution). Not for secrets. One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next();
  /// 0 … bound - 1; `bound` is at least 1.
  std::uint64_t Below(std::uint64_t bound);
  /// Both ends are possible.
  std::int64_t Between(std::int64_t low, std::int64_t high);
  /// Uniform in [low, high) cents, as "12.5": a JSON number of at most 2 decimals.
  std::string Money(std::int64_t low_cents, std::int64_t high_cents);
  std::string_view Pick(std::span<const std::string_view> from);
  /// Lower-case hex digits.
  std::string Hex(std::size_t digits);
  /// True in `share` (0 to 1) of the calls.
  bool Chance(double share);

 private:
  std::uint64_t state_;
};

}  // namespace millrace::simulator
