#include "verify_metrics.hpp"

#include <sstream>

#include "base/time.hpp"

namespace millrace::app {

VerifyMetrics::Gauges VerifyMetrics::GaugesOf(const telemetry::Labels& labels) {
  return {&registry_.AddGauge("verify_rows_missing",
                              "Rows that the last verify did not find.", labels),
          &registry_.AddGauge("verify_rows_extra",
                              "Rows that the last verify found too many.", labels),
          &registry_.AddGauge(
              "verify_slices_wrong",
              "Slices of time in which the last verify found a difference.", labels)};
}

void VerifyMetrics::Set(const std::string& lines) {
  const std::lock_guard lock(mutex_);
  for (auto& [store, gauges] : stores_) gauges.named = false;
  std::istringstream in(lines);
  std::string collection, stage, store;
  std::int64_t missing = 0, extra = 0, slices = 0;
  while (in >> collection >> stage >> store >> missing >> extra >> slices) {
    auto& gauges = stores_[{collection, stage, store}];
    if (gauges.missing == nullptr)
      gauges = GaugesOf({{"collection", collection}, {"stage", stage}, {"store", store}});
    gauges.named = true;
    gauges.missing->Set(missing);
    gauges.extra->Set(extra);
    gauges.slices->Set(slices);
  }
  for (const auto& [name, gauges] : stores_) {
    if (gauges.named) continue;
    for (auto* gauge : {gauges.missing, gauges.extra, gauges.slices}) gauge->Set(0);
  }
  constexpr TimestampUs kUsPerSecond = 1'000'000;
  registry_
      .AddGauge("verify_last_timestamp_seconds",
                "When the last verify ended, since 1970.")
      .Set(SystemClock().Now() / kUsPerSecond);
}

}  // namespace millrace::app
