#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "settings.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// The role `gateway`: R0's routes over HTTP, everything else asked of the identity
/// service. Opens no store and no data directory.
class GatewayRole {
 public:
  /// Serves when this returns, whether the identity service is there or not.
  /// Errors are those of listening.
  static Result<std::unique_ptr<GatewayRole>> Start(const Settings& settings,
                                                    telemetry::Logger& logger);
  ~GatewayRole();

  std::string url() const;
  /// No new requests; waits for the answers to those that came. False when the deadline
  /// cut it short.
  bool Stop(Deadline deadline);

 private:
  class Impl;
  explicit GatewayRole(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
