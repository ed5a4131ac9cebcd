#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "capture/stream_writer.hpp"
#include "gateway/audit.hpp"
#include "refusal_fold.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::app {

/// The audit log as a stream of the event log. What may wait is written at most kLinger
/// after it was recorded, so that a burst of writes costs one append; what somebody waits
/// for is written at once. An append that fails is tried again, with the same event ids,
/// until it succeeds; until then the log is not Ready. Any thread.
class AuditLog final : public gateway::AuditSink {
 public:
  static constexpr std::chrono::milliseconds kLinger{50};

  /// All outlive it; `writer` writes the stream of project::AuditEvents. `retry`: between
  /// an append that failed and the next.
  AuditLog(capture::StreamWriter& writer, const Clock& clock,
           telemetry::Registry& metrics, telemetry::Logger& log,
           std::chrono::milliseconds retry = std::chrono::seconds(1));
  ~AuditLog() override;  ///< Stop

  Status Ready() const override;
  void Record(gateway::AuditEvent event, gateway::AuditWhen when, Done done) override;
  /// Returns when the event is durable.
  Status RecordAndWait(gateway::AuditEvent event);
  /// Writes what waits, once; what cannot be written then is lost, and logged. Record
  /// fails from then on, and `writer` is not needed any more.
  void Stop();

 private:
  struct Waiting {
    gateway::AuditEvent event;
    TimestampUs at;
    std::string id;
    Done done;  ///< empty: was called
  };
  using Batch = std::vector<Waiting>;

  void Loop();
  Batch Take();
  /// Until it is durable, or the end.
  void Keep(Batch batch);
  Status Append(const Batch& batch);
  void Push(gateway::AuditEvent event, Done done);
  void Count(const Batch& batch);

  capture::StreamWriter& writer_;
  const Clock& clock_;
  telemetry::Registry& metrics_;
  telemetry::Logger& log_;
  const std::chrono::milliseconds retry_;
  telemetry::Gauge& waiting_events_;
  telemetry::Histogram& lag_;
  telemetry::Counter& failures_;
  telemetry::Counter& folded_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<Waiting> queue_;
  RefusalFold fold_;
  IdMaker ids_;
  std::string failure_;  ///< of the last append; empty: none
  bool urgent_ = false, stopping_ = false, ended_ = false;

  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace millrace::app
