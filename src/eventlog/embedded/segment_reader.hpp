#pragma once

#include <cstdint>
#include <optional>

#include "eventlog/event_log.hpp"
#include "segment.hpp"

namespace millrace::eventlog {

/// What one read may see of a segment and how much of it is wanted.
struct ReadRange {
  StreamId stream;
  Offset from = 0;          ///< in this segment
  Offset end = 0;           ///< first offset that is not in it, or not durable yet
  std::uint64_t bytes = 0;  ///< file position of `end`; 0: to the end of the file
  std::uint32_t max_records = 0;
  std::uint64_t max_bytes = 0;
  /// The batch that holds `from`, where the reader was told; no index is built then.
  std::optional<SparseIndex::Entry> at = {};
};

/// Reads within one segment; each sum that was passed was right. At least one record.
/// Errors: kDataLoss (names file and position), kNotFound (the file is gone),
/// kUnavailable.
Result<RecordBatch> ReadSegment(Segment& segment, const ReadRange& range);

}  // namespace millrace::eventlog
