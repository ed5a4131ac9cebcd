#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "change/complete_mark.hpp"
#include "eventlog/event_log.hpp"
#include "records/change_feed.hpp"
#include "telemetry/log.hpp"

namespace millrace::capture {

struct PumpOptions {
  std::uint32_t max_rows = 10'000;      ///< changes a round
  std::uint64_t max_bytes = 8u << 20u;  ///< of documents a round
};

/// What an operator sees of capture. `state`: "running", "waiting" (retrying, `reason`
/// says why), or "stopped" with the code in `reason` (source_went_back, data_loss, …).
struct PumpStatus {
  std::string state;
  std::string reason;
  Position complete;
  std::uint64_t logged = 0;  ///< events appended since start
};

/// Carries the change feed into the log, exactly once: the log's own last position of
/// this source says where to go on; each append names the position it follows. One
/// thread between Start and Stop. Stream of a change: {tenant, collection}.
class ChangePump {
 public:
  ChangePump(records::ChangeFeed& feed, eventlog::EventLog& log,
             change::CompleteMark& mark, telemetry::Logger& logger,
             PumpOptions options = {});
  ~ChangePump();

  /// Reads the log's positions and the feed up to its end of now, so that the mark is
  /// true when this returns; then goes on in its own thread. Where the log has no room it
  /// returns as well, "waiting": the thread does the rest, and raises the mark. kDataLoss
  /// with "source_went_back" when the log knows more than the feed.
  Status Start();
  /// Finishes the round under way; what is not logged yet waits in the feed.
  void Stop();
  /// Waits until all that the feed holds now is in the log; false on the deadline.
  bool Drain(Deadline deadline);
  PumpStatus status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::capture
