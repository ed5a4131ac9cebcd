#pragma once

#include <string>

#include "telemetry/metrics.hpp"

namespace millrace::app {

/// What the last `millrace verify` found, as gauges of the server. Any thread.
class VerifyMetrics {
 public:
  explicit VerifyMetrics(telemetry::Registry& registry) : registry_(registry) {}
  /// `lines` as Verdict::ToLines makes them; others are passed over.
  void Set(const std::string& lines);

 private:
  telemetry::Registry& registry_;
};

}  // namespace millrace::app
