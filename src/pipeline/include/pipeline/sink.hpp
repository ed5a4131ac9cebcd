#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "schema/type.hpp"
#include "sql/batch.hpp"

namespace millrace::pipeline {

/// Streams that feed a sink beside the collection's own. Each has a partition of the
/// sink, with a position of its own, and may be written beside the others.
inline constexpr std::uint32_t kChangesPartition = 0;
inline constexpr std::uint32_t kRedrivePartition = 1;  ///< `_redrive.<pipeline>`
/// `_snapshot.<pipeline>`: written before the changes, never beside them.
inline constexpr std::uint32_t kSnapshotPartition = 2;

/// A state of a record, by the text form of its key.
struct RecordState {
  std::string key;
  Version version;
};

/// What a pipeline hands to a sink: the outcome of the events [first, next) of a stream.
struct SinkBatch {
  /// The SELECT's columns, then `_offset` BIGINT, and for tables, or where the SELECT
  /// names it, `_version` VARCHAR (the change's, 32 hex digits); where the sink has rules
  /// for its columns, `_broken`, null. Rows in any order, no `_offset` twice.
  sql::Batch rows;
  /// Table sinks only: keys whose record left (deleted, or filtered away): the key column
  /// under the table's name, `_offset`, `_version`.
  sql::Batch tombstones;
  Offset first = 0;
  Offset next = 0;
  Version last_version;  ///< of the event at next - 1
};

/// Where a pipeline's rows go, for one of its partitions; it keeps its own position with
/// its data, in one atomic act. Called by one thread (its lane). Implemented in app over
/// lake/ and warehouse/.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Makes ready for rows of `output` (without `_offset`, `_version`); new columns are
  /// added, a changed type or key is kInvalidArgument with the command that rebuilds.
  /// The committed next offset; nullopt: never started. kFenced, kDataLoss.
  virtual Result<std::optional<Offset>> Open(const schema::Columns& output) = 0;
  /// Commits `first` as the first position of a sink that never started.
  virtual Status Start(Offset first) = 0;
  /// Takes the batch, whose `first` is the next offset after the last Write (or Open).
  /// Table: durable and visible on return. Lake: staged, committed by Flush or when the
  /// roll is full. kUnavailable / kResourceExhausted: nothing taken, retry; kFenced:
  /// stop.
  virtual Status Write(SinkBatch batch) = 0;
  /// Commits `next` as the position, over events that nobody can give it any more, and
  /// keeps `why` where readers of the data find it. Nothing may be staged. Sinks that are
  /// built anew instead refuse: kInvalidArgument.
  virtual Status Skip(Offset next, const std::string& why) {
    return Fail(ErrorCode::kInvalidArgument,
                "cannot go on at " + std::to_string(next) + " (" + why + ")");
  }
  /// Next offset after what is durable and visible.
  virtual Offset committed() const = 0;
  /// What is stored as the next offset, also where Open has failed, for people to read;
  /// nullopt: none, or it cannot be told.
  virtual std::optional<Offset> Stored() = 0;
  /// Which of these states are older than what the sink knows of their records; a sink
  /// that keeps every state: none.
  virtual Result<std::vector<bool>> Superseded(const std::vector<RecordState>& states) {
    return std::vector<bool>(states.size());
  }
  /// When an open roll is due (then call Flush); nullopt: nothing is open.
  virtual std::optional<std::chrono::steady_clock::time_point> due() const = 0;
  /// Commits everything written.
  virtual Status Flush() = 0;
};

}  // namespace millrace::pipeline
