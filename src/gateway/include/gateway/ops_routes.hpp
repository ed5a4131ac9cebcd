#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/router.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::gateway {

/// One part of the process, for `/readyz`.
struct Part {
  std::string name;  ///< "records", "capture", "pipeline flights/lake.flights_history"
  bool ready = false;
  std::string reason;  ///< why not; or a warning while ready
};

/// `/livez` (the process runs), `/readyz` (200 or 503 with every part and why it is not
/// ready), `/metrics` (Prometheus text), `/version`; and `/health`, the parts in the form
/// of R0, whose gateway has that route itself.
class OpsRoutes {
 public:
  OpsRoutes(telemetry::Registry& registry, std::function<std::vector<Part>()> parts,
            std::string version);
  void AddTo(http::Router& router);
  void AddHealthTo(http::Router& router);

 private:
  telemetry::Registry& registry_;
  std::function<std::vector<Part>()> parts_;
  std::string version_;
};

}  // namespace millrace::gateway
