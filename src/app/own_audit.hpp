#pragma once

#include <memory>

#include "audit_log.hpp"
#include "project/project.hpp"
#include "schema/record_codec.hpp"
#include "stream_writers.hpp"

namespace millrace::app {

/// The audit log of a data directory on which no server runs, with its own writer.
class OwnAudit {
 public:
  /// Null where the project has none. All given outlives it.
  static std::unique_ptr<OwnAudit> Open(const project::Project& project,
                                        StreamStores stores, telemetry::Registry& metrics,
                                        telemetry::Logger& logger);
  AuditLog& log() { return log_; }

  OwnAudit(const project::Stream& stream, StreamStores stores,
           telemetry::Registry& metrics, telemetry::Logger& logger)
      : codec_(stream.events),
        writer_(MakeStreamWriter(stream, codec_, stores, metrics)),
        log_(*writer_, SystemClock(), metrics, logger) {}

 private:
  const schema::RecordCodec codec_;
  const std::unique_ptr<capture::StreamWriter> writer_;
  AuditLog log_;
};

}  // namespace millrace::app
