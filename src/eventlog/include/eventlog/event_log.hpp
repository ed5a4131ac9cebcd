#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::eventlog {

/// Largest body of one event, in bytes.
inline constexpr std::uint64_t kMaxBodyBytes = 32u << 20u;
/// Largest batch: sum of its bodies, in bytes.
inline constexpr std::uint64_t kMaxBatchBytes = 64u << 20u;
/// Longest name of a tenant, a stream or a source, in bytes.
inline constexpr std::size_t kMaxNameBytes = 128;

/// One event as it was appended. `body` points into the RecordBatch it came in.
struct Record {
  Offset offset = 0;
  std::string_view body;
};

/// What one Read gave; owns the bytes. At least 64 bytes after each body are readable
/// (not meaningful), so that simdjson can parse in place. Moving it keeps every view
/// valid.
class RecordBatch {
 public:
  static constexpr std::size_t kReadableAfter = 64;

  RecordBatch() = default;
  /// For adapters: `records` point into `bytes`; `from` is the offset that was asked for.
  RecordBatch(Offset from, std::shared_ptr<const char[]> bytes,
              std::vector<Record> records)
      : from_(from), bytes_(std::move(bytes)), records_(std::move(records)) {}

  /// Ascending, without gaps, beginning with the offset asked for.
  const std::vector<Record>& records() const { return records_; }
  bool empty() const { return records_.empty(); }
  /// Where to read on: after the last record, or the offset asked for when empty.
  Offset next() const { return empty() ? from_ : records_.back().offset + 1; }

  /// Sets aside what is beyond `max_records`, or comes after `max_bytes` of bodies; one
  /// record stays in any case.
  void Limit(std::uint32_t max_records, std::uint64_t max_bytes);
  /// What was read beyond the limits, since a log reads and checks its batches whole; it
  /// begins at next(), and shares the bytes.
  RecordBatch TakeRest();

 private:
  Offset from_ = 0;
  std::shared_ptr<const char[]> bytes_;
  std::vector<Record> records_;
  std::vector<Record> rest_;
};

/// Events of one source that become durable together or not at all.
struct EventBatch {
  StreamId stream;
  std::string source;  ///< who feeds; positions are kept for each source of a stream
  Position after;      ///< the source's last position in this stream; {} = nothing yet
  Position upto;       ///< its last position once this batch is durable; above `after`
  std::vector<std::string_view> bodies;
};

/// What a stream holds: offsets first..next-1. An unknown stream is empty: 0, 0, 0.
struct StreamInfo {
  StreamId stream;
  Offset first = 0;         ///< oldest that can be read
  Offset next = 0;          ///< what the next event gets
  std::uint64_t bytes = 0;  ///< stored, with the adapter's own overhead
};

/// The reading half of an EventLog. Any thread may call any method; calls block. Readers
/// see durable events only.
class EventLogReader {
 public:
  virtual ~EventLogReader() = default;

  /// Reads records from offset `from` on, oldest first: at most `max_records` (at least 1
  /// is taken) and about `max_bytes` of bodies, but at least one record if there is one.
  /// Empty at the end of the stream. Read by: pipelines, `millrace log`.
  /// Errors: kOutOfRange (retention has passed `from`, or `from` is beyond the end: the
  /// log was replaced), kDataLoss (a checksum failed: stop, never skip), kUnavailable.
  virtual Result<RecordBatch> Read(const StreamId& stream, Offset from,
                                   std::uint32_t max_records,
                                   std::uint64_t max_bytes) = 0;

  /// The events that one append brought from `source`: the append whose `after` is below
  /// `position`, and whose `upto` is not. One of them has the position, if any event of
  /// this stream has. Whole, whatever its size. Empty while the source has not come that
  /// far in this stream. Cheap: no more than that append is read. Asked by: trace.
  /// Errors: kInvalidArgument (a bad name, the position {}), kOutOfRange (retention has
  /// passed it), kDataLoss, kUnavailable.
  virtual Result<RecordBatch> Find(const StreamId& stream, const std::string& source,
                                   const Position& position) = 0;

  /// Every stream that ever had an event, in order of (tenant, name).
  /// Errors: kUnavailable.
  virtual Result<std::vector<StreamInfo>> Streams() = 0;

  /// One stream; an unknown one is empty, never kNotFound.
  /// Errors: kInvalidArgument (a bad name), kDataLoss, kUnavailable.
  virtual Result<StreamInfo> Stream(const StreamId& stream) = 0;
};

/// An ordered, durable log of opaque events; one stream for each collection, declared
/// stream or redrive. Readers see durable events only.
/// Adapters: eventlog/embedded (segment files).
/// Any thread may call any method; calls block. Destroy it after its last call returned.
class EventLog : public EventLogReader {
 public:
  /// Appends the whole batch, or nothing, and gives the next offset after it; it survives
  /// a power cut once this returns. Written only if the last position of `batch.source`
  /// in the stream is `batch.after`; it is `batch.upto` then. So repeating after any
  /// doubt is safe: kConflict and LastPosition say where to go on. The deadline is a
  /// door: a write that began is finished. Fed by: capture, redrive. Errors:
  /// kInvalidArgument (no events, a body over kMaxBodyBytes, a batch over kMaxBatchBytes,
  /// a bad name, `upto` not above `after`), kConflict, kResourceExhausted (disk full, or
  /// the log's own limit: nothing was written, the same call succeeds when there is
  /// room), kUnavailable (too late to begin: nothing was written), kDeadlineExceeded (a
  /// write or sync failed: outcome unknown; the stream takes no appends until the log is
  /// opened again), kDataLoss (the stream is damaged).
  virtual Result<Offset> Append(const EventBatch& batch, Deadline deadline) = 0;

  /// The last durable position of `source` in the stream, {} when there is none; where
  /// capture goes on. Outlives retention.
  /// Errors: kInvalidArgument (a bad name), kDataLoss, kUnavailable.
  virtual Result<Position> LastPosition(const StreamId& stream,
                                        const std::string& source) = 0;

  /// Waits until the stream's next offset is above `beyond`. True then; false when the
  /// deadline passed or Interrupt was called. Costs nothing while it waits.
  virtual bool WaitFor(const StreamId& stream, Offset beyond, Deadline deadline) = 0;

  /// Ends the calls of WaitFor for this stream that are under way, as their deadlines
  /// would: for a caller that wants something of the thread that waits. Null, for
  /// shutdown: wakes every WaitFor, and later ones return at once (true if there is
  /// something to read, else false). Everything else goes on working.
  virtual void Interrupt(const StreamId* stream) = 0;
};

/// Who still needs old events. A log with a size limit drops what no reader needs first;
/// what it does then (drop what a slow reader needs, or refuse appends) is its setting.
/// Same threads and lifetime as EventLog, and the same object in the embedded adapter.
/// Readers are not stored: each one reports at start, before the first append.
class LogRetention {
 public:
  virtual ~LogRetention() = default;

  /// `reader` (unique, such as "orders_lake/lake:orders_history") will not read below
  /// `durable_next` of this stream any more. Repeating replaces. Called by: pipelines.
  virtual void SetReader(const std::string& reader, const StreamId& stream,
                         Offset durable_next) = 0;
  /// The reader is gone from this stream; unknown ones are fine.
  virtual void RemoveReader(const std::string& reader, const StreamId& stream) = 0;
};

}  // namespace millrace::eventlog
