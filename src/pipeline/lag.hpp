#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace millrace::pipeline {

/// Durations in buckets of a quarter of a power of two: p50 and p99 to within 19 %.
class LagHistogram {
 public:
  void Add(std::int64_t microseconds);
  std::uint64_t count() const { return count_; }
  /// Milliseconds; 0 when there is nothing.
  double Quantile(double q) const;

 private:
  static constexpr std::size_t kBuckets = 4 * 44;
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

/// Batches that a sink has taken and not yet committed, oldest first. Bounded: two that
/// lie side by side are joined when there are many.
class PendingBatches {
 public:
  struct Batch {
    Offset next = 0;
    Version seen;  ///< of its last event: lookups are not read below it again
    std::vector<TimestampUs> committed_at;
  };
  void Add(Batch batch);
  /// Takes out what ends at or before `committed`.
  std::vector<Batch> TakeUpTo(Offset committed);
  void Clear() { batches_.clear(); }

 private:
  std::deque<Batch> batches_;
};

}  // namespace millrace::pipeline
