#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

namespace millrace::records {

/// How far change rows may be removed: as far as was named, but not past a hold. Any
/// thread. `Atomic` as std::atomic: a test's can let others come in between.
template <typename Atomic>
class BasicTrimLimit {
 public:
  explicit BasicTrimLimit(std::uint64_t named) : named_(named) {}

  /// Never falls. Gives what was named before.
  std::uint64_t Raise(std::uint64_t upto) {
    auto known = named_.load();
    while (known < upto && !named_.compare_exchange_weak(known, upto)) {
    }
    return known;
  }
  /// From its return until Release no Get gives more than is named by now.
  void Hold() { hold_ = named_.load(); }
  void Release() { hold_ = kNone; }
  std::uint64_t Get() const {
    // In this order: a hold that comes in between is below what was named after it.
    const auto named = named_.load();
    return std::min(named, hold_.load());
  }

 private:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  Atomic named_;
  Atomic hold_{kNone};
};

using TrimLimit = BasicTrimLimit<std::atomic<std::uint64_t>>;

}  // namespace millrace::records
