#include "lag.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::pipeline {
namespace {

constexpr std::size_t kMaxPending = 4096;

}  // namespace

void LagHistogram::Add(std::int64_t microseconds) {
  const double value = static_cast<double>(std::max<std::int64_t>(microseconds, 1));
  const auto bucket = static_cast<std::size_t>(std::log2(value) * 4);
  ++buckets_[std::min(bucket, kBuckets - 1)];
  ++count_;
}

double LagHistogram::Quantile(double q) const {
  if (count_ == 0) return 0;
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::exp2((static_cast<double>(i) + 1) / 4) / 1000;
  }
  return 0;
}

void PendingBatches::Add(Batch batch) {
  if (batches_.size() >= kMaxPending) {
    // The roll ends far ahead: what was noted of the last two is one note now.
    Batch& last = batches_.back();
    last.next = batch.next;
    last.seen = batch.seen;
    return;
  }
  batches_.push_back(std::move(batch));
}

std::vector<PendingBatches::Batch> PendingBatches::TakeUpTo(Offset committed) {
  std::vector<Batch> taken;
  while (!batches_.empty() && batches_.front().next <= committed) {
    taken.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
  return taken;
}

}  // namespace millrace::pipeline
