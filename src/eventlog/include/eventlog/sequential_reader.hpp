#pragma once

#include <cstdint>
#include <utility>

#include "eventlog/event_log.hpp"

namespace millrace::eventlog {

/// Reads a stream in batches one after the other, of any size, without reading a batch of
/// the log twice. Keeps at most one of them in memory, and none at the end of the stream.
/// One thread; the log outlives it.
class SequentialReader {
 public:
  SequentialReader(EventLog& log, StreamId stream)
      : log_(log), stream_(std::move(stream)) {}

  /// As EventLog::Read; cheap where `from` is where the last one ended.
  Result<RecordBatch> Read(Offset from, std::uint32_t max_records,
                           std::uint64_t max_bytes);

 private:
  EventLog& log_;
  const StreamId stream_;
  RecordBatch ahead_;  ///< read, not yet given
};

}  // namespace millrace::eventlog
