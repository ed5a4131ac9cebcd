#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "pipeline/state_db.hpp"
#include "trace.hpp"

/// The parts of a trace: finding the event, and what became of it. One call, one thread.
namespace millrace::app {

struct EventId {
  std::string source;
  Version version;  ///< without ordinal
  std::string ToString() const;
  Position position() const { return {version.epoch, version.position}; }
};

/// Nothing when `text` is not of the form <source>:<8 hex>:<16 hex>.
std::optional<EventId> ParseEventId(std::string_view text);

/// An event as log or record store has it.
struct TracedEvent {
  EventId id;
  std::string stream;  ///< empty: not known
  std::string tenant, collection, key, operation;
  char op = 'c';
  std::optional<TimestampUs> accepted_at;
  /// "logged"; "waiting" (capture has not brought it yet), "gone" (retention has passed
  /// it), "missing" (the record store has committed it, the log lacks it).
  std::string log = "logged";
  std::optional<Offset> offset;
  /// Of the record now: "newest" (this event made it), "changed" since, or "deleted";
  /// empty where the event is not of a record.
  std::string record;
  std::optional<Version> newest;  ///< of the record
};

/// The events that an id stands for. kNotFound says what was looked at.
Result<std::vector<TracedEvent>> FindEvents(const TraceStores& stores,
                                            const TraceQuestion& question);

/// What became of an event in one sink. `result`:
/// tables: "row" (it is the row), "superseded", "deleted", "filtered" (the SQL gave no
/// row), "missing"; lakes: "row", "no_row", "in_file", "doubled", "before_start",
/// "redriven" (by its dead letter); both: "waiting", "dead_letter", "not_started",
/// "unknown" (no such table or folder).
struct SinkTrace {
  SinkState sink;
  std::string result;
  std::string file;                ///< of a lake, that holds the offset
  Offset first = 0, next = 0;      ///< its offsets
  std::optional<Version> version;  ///< of the table's row
  std::vector<pipeline::DeadLetter> letters;
};
Result<SinkTrace> TraceSink(const TraceStores& stores, const PipelineState& pipeline,
                            const SinkState& sink, const TracedEvent& event);

}  // namespace millrace::app
