#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::records {

/// What a write did; the first letter of the Debezium `op` follows from it (c u u d r).
enum class Operation : std::uint8_t { kInsert, kUpdate, kReplace, kDelete, kRead };
/// "insert", "update", "replace", "delete", "read".
std::string_view ToString(Operation operation);

/// One committed change of one record. Views live as long as the ChangeBatch.
struct Change {
  Position position;  ///< {epoch, change sequence}; sequences go on over epochs
  Version version;    ///< of the change itself, also for a delete
  Operation operation;
  TimestampUs committed_at;
  std::string_view tenant;
  std::string_view collection;
  std::string_view key;     ///< text form
  std::string_view before;  ///< canonical document, empty: none
  std::string_view after;   ///< canonical document, empty: none (delete)
};

/// Owns the bytes that its changes look into.
struct ChangeBatch {
  std::vector<Change> changes;
  std::vector<std::shared_ptr<const std::string>>
      arena;  ///< shared with the store's tail of recent commits
};

/// The committed changes of all collections in commit order. One reader (capture); any
/// thread may call Interrupt and Trim.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;

  /// Name of the source, part of event ids; [a-z0-9_-]+.
  virtual std::string source() const = 0;
  /// At most max_rows changes past `after`, oldest first; empty means the end. Only
  /// durable commits are seen. kOutOfRange: `after` lies before what was trimmed, or past
  /// the end (the source went back).
  virtual Result<ChangeBatch> Read(Position after, std::uint32_t max_rows,
                                   std::uint64_t max_bytes) = 0;
  /// Changes up to here are gone; reading past it begins with the oldest one kept.
  virtual Result<Position> Begin() = 0;
  /// Position of the newest durable change; {epoch, 0} when there was none yet.
  virtual Result<Position> End() = 0;
  /// Waits until End() > beyond: true; false on the deadline or after Interrupt.
  virtual bool WaitFor(Position beyond, Deadline deadline) = 0;
  /// Ends the WaitFor under way, or else the next one: the feed's reader is to stop.
  virtual void Interrupt() = 0;
  /// Changes up to `upto` are durable elsewhere and may be removed, some time later,
  /// together with another commit.
  virtual void Trim(Position upto) = 0;
};

}  // namespace millrace::records
