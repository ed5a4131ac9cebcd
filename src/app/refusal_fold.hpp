#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "gateway/audit.hpp"

namespace millrace::app {

struct FoldLimits {
  TimestampUs window = 60'000'000;  ///< microseconds
  std::uint64_t per_client = 30;    ///< refusals in a window that are kept themselves
  std::uint64_t total = 300;        ///< of all clients
  std::size_t clients = 100;        ///< counted each; further ones together
};

/// Keeps refusals from filling the audit log, whoever makes them: beyond a few in a
/// window they are counted for each client, and the window ends with an event for each
/// that says how many: at most total + clients + 1 events a window. One thread.
class RefusalFold {
 public:
  explicit RefusalFold(FoldLimits limits = {}) : limits_(limits) {}

  /// Whether the refusal is to be kept itself; otherwise it is counted.
  bool Keeps(const gateway::AuditEvent& refusal, TimestampUs now);
  /// When Close has something to do; nullopt: no window is open.
  std::optional<TimestampUs> due() const;
  /// What was counted in the window, if it is over by `now`.
  std::vector<gateway::AuditEvent> Close(TimestampUs now);

 private:
  struct Counts {
    std::string address;
    std::uint64_t kept = 0, folded = 0;
  };
  const FoldLimits limits_;
  std::optional<TimestampUs> since_;
  std::uint64_t kept_ = 0;
  std::map<std::string, Counts> clients_;
  Counts others_;
};

}  // namespace millrace::app
