#include "verify_metrics.hpp"

#include <sstream>

#include "base/time.hpp"

namespace millrace::app {

void VerifyMetrics::Set(const std::string& lines) {
  std::istringstream in(lines);
  std::string collection, stage, store;
  std::int64_t missing = 0, extra = 0, slices = 0;
  while (in >> collection >> stage >> store >> missing >> extra >> slices) {
    const telemetry::Labels labels = {
        {"collection", collection}, {"stage", stage}, {"store", store}};
    registry_
        .AddGauge("verify_rows_missing", "Rows that the last verify did not find.",
                  labels)
        .Set(missing);
    registry_
        .AddGauge("verify_rows_extra", "Rows that the last verify found too many.",
                  labels)
        .Set(extra);
    registry_
        .AddGauge("verify_slices_wrong",
                  "Slices of time in which the last verify found a difference.", labels)
        .Set(slices);
  }
  constexpr TimestampUs kUsPerSecond = 1'000'000;
  registry_
      .AddGauge("verify_last_timestamp_seconds",
                "When the last verify ended, since 1970.")
      .Set(SystemClock().Now() / kUsPerSecond);
}

}  // namespace millrace::app
