#pragma once

#include <signal.h>

#include <chrono>
#include <optional>

namespace millrace::app {

/// SIGINT and SIGTERM as something to wait for. Construct it in main's thread before any
/// other thread starts: they all inherit the blocked mask.
class StopSignals {
 public:
  StopSignals();
  /// Waits; the signal, or nullopt after `wait` (no limit when nullopt).
  std::optional<int> Wait(std::optional<std::chrono::milliseconds> wait = std::nullopt);

 private:
  sigset_t set_;
};

}  // namespace millrace::app
