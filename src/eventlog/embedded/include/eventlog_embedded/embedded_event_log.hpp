#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "base/copy.hpp"
#include "eventlog/event_log.hpp"

namespace millrace::eventlog {

/// What happens to an append when the log is at `max_bytes` and every closed segment is
/// still needed by a reader.
enum class OnFull : std::uint8_t {
  kDropOldest,  ///< the oldest segment goes; its readers get kOutOfRange
  kRefuse,      ///< kResourceExhausted, "log_full: …", until readers went on; nothing
                ///< unread is dropped
  /// kRefuse for `only_copies` and streams of our own (`_…`), kDropOldest for the others;
  /// what is unread of the former is never dropped for the latter.
  kRefuseOnlyCopies,
};

struct EmbeddedOptions {
  std::filesystem::path directory;           ///< <data>/log; made when absent
  std::uint64_t segment_bytes = 64u << 20u;  ///< a new file is begun past this size
  std::uint64_t max_bytes = 0;               ///< of all segments; 0: unlimited
  OnFull on_full = OnFull::kDropOldest;
  std::set<std::string, std::less<>> only_copies = {};  ///< streams nothing else has
  /// The source of captured changes. Any other stream that is its own source is an only
  /// copy as well: one that was declared once.
  std::string captured = "records";
  /// Disk space taken ahead of the writer in the open segment of each stream in use;
  /// given back at a clean close. 0: none.
  std::uint64_t preallocate_bytes = 4u << 20u;
};

/// Counters since opening; sizes in bytes.
struct EmbeddedStats {
  std::uint64_t appended_events = 0;
  std::uint64_t appended_bytes = 0;  ///< of bodies
  std::uint64_t written_bytes = 0;   ///< with our own overhead
  std::uint64_t appended_batches = 0;
  std::uint64_t syncs = 0;  ///< fdatasyncs: batches / syncs is the grouping
  std::uint64_t read_events = 0;
  std::uint64_t read_bytes = 0;        ///< of bodies
  std::uint64_t dropped_segments = 0;  ///< by retention
  std::uint64_t failed_streams = 0;    ///< read-only since a failed write or sync
  std::uint64_t stored_bytes = 0;      ///< of all segments now
};

/// Segment files in a directory; format in docs/formats/event-log-segment.md.
class EmbeddedEventLog : public EventLog, public LogRetention {
 public:
  virtual EmbeddedStats Stats() const = 0;
  /// Brings a copy of the log in `directory` (made when absent) up to what is durable
  /// now; called again, it adds what came meanwhile, but nothing that retention has
  /// dropped between. Appends go on. What the copy has is durable on success. Errors:
  /// kOutOfRange (retention dropped what the copy still lacks: events would be missing in
  /// the middle of it), kDataLoss, kResourceExhausted, kUnavailable, those of `progress`.
  virtual Status CopyTo(const std::filesystem::path& directory,
                        const CopyProgress& progress) = 0;
};

/// Opens the log for reading and appending, cuts torn tails of newest segments, and makes
/// durable what it found before it returns. One process at a time.
/// Errors: kConflict (another process has it open), kDataLoss (damage inside a newest
/// segment; nothing was changed), kInvalidArgument, kUnavailable, kResourceExhausted.
Result<std::unique_ptr<EmbeddedEventLog>> OpenEmbedded(EmbeddedOptions options);

/// For tools: changes nothing, takes no lock; a server may append meanwhile, and the end
/// of a stream is looked up again whenever it is asked for. May show events that the
/// server has not made durable yet. A damaged newest segment can be read up to the
/// damage. Append fails with kInvalidArgument. WaitFor looks every 100 ms. Errors:
/// kNotFound (no such directory), kUnavailable.
Result<std::unique_ptr<EmbeddedEventLog>> OpenEmbeddedReadOnly(
    std::filesystem::path directory);

}  // namespace millrace::eventlog
