#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "telemetry/metrics.hpp"

namespace millrace::app {

/// What the last `millrace verify` found, as gauges of the server. Any thread.
class VerifyMetrics {
 public:
  explicit VerifyMetrics(telemetry::Registry& registry) : registry_(registry) {}
  /// `lines` as Verdict::ToLines makes them; others are passed over. A store that an
  /// earlier verify named and this one does not has nothing wrong.
  void Set(const std::string& lines);

 private:
  struct Gauges {
    telemetry::Gauge *missing = nullptr, *extra = nullptr, *slices = nullptr;
    bool named = false;  ///< by the verify under way
  };
  Gauges GaugesOf(const telemetry::Labels& labels);

  telemetry::Registry& registry_;
  std::mutex mutex_;
  std::map<std::vector<std::string>, Gauges> stores_;  ///< collection, stage, store
};

}  // namespace millrace::app
