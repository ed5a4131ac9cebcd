#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "capture/event_list.hpp"
#include "eventlog/event_log.hpp"
#include "schema/record_codec.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::capture {

struct StreamWriterOptions {
  std::int64_t dedup_window_ms = 600'000;
  std::uint64_t dedup_ids = 1'000'000;
  std::uint64_t queue_bytes = 64u << 20u;  ///< of events that wait; more is refused
  std::uint64_t batch_bytes = 4u << 20u;   ///< of events that become durable together
};

/// The events of one request: all become durable, or none. `done` is called exactly once,
/// on a thread of the writer, after that; it must be fast. Errors: kTooLarge (more than
/// the queue or an append can ever hold), kResourceExhausted (the log or the disk is
/// full: nothing was written), kUnavailable (the queue is full, or stopping; nothing was
/// written), kDeadlineExceeded (a write failed: unknown; the stream takes
/// nothing until a restart), kDataLoss. What was formed behind an append that failed is
/// refused with it.
struct StreamRequest {
  EventList events;
  std::function<void(Result<AcceptedEvents>)> done;
  /// Whose events they are; of each tenant the ids are known apart.
  std::string tenant = {};
};

/// Carries the events of one declared stream into the log, requests that wait together as
/// one append. The only writer of its stream: the event at offset n has position n + 1,
/// so its id "<stream>:<epoch>:<position>" says where it is. Any thread submits.
/// `_ts` and made ids never run backwards within a data directory.
class StreamWriter {
 public:
  /// The last commit of the record store: what lookups of the event are read as of.
  using RecordsEnd = std::function<Result<Position>()>;

  /// Reads back what the window needs before it takes the first request. That happens in
  /// its own two threads, as everything else: one forms appends, the other has them
  /// written and answers. `codec`, log, clock and metrics outlive it.
  StreamWriter(eventlog::EventLog& log, const schema::RecordCodec& codec,
               RecordsEnd records_end, const Clock& clock, telemetry::Registry& metrics,
               StreamWriterOptions options);
  ~StreamWriter();  ///< finishes what was submitted

  void Submit(StreamRequest request);
  const schema::RecordCodec& codec() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::capture
