#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "pipeline/state_db.hpp"

namespace millrace::app {

/// A letter whose event is in the redrive stream.
struct SentLetter {
  Offset place = 0;  ///< in the redrive stream
  std::int64_t id = 0;
  Offset offset = 0;           ///< of its event, in its own stream …
  bool of_snapshot = false;    ///< … which is that of the pipeline's snapshots
  std::uint64_t position = 0;  ///< of the record's version
  std::uint64_t key = 0;       ///< hash
};

/// What a pipeline refused, for one of its sinks: such an event is in the sink only as a
/// redrive brought it. All but `sent` sorted.
struct Refused {
  std::vector<std::uint64_t> positions;
  std::vector<std::uint64_t> keys;  ///< hashes
  std::vector<Offset> offsets;      ///< in the pipeline's stream
  std::vector<Offset> of_snapshot;  ///< in the stream of its snapshots
  std::vector<SentLetter> sent;     ///< by place
  /// Of sent letters whose event the log has dropped.
  std::vector<std::uint64_t> dropped_keys;
  std::vector<Offset> dropped_offsets;
  std::uint64_t waiting = 0;  ///< sent letters that the sink has not come to

  bool HasPosition(std::uint64_t position) const;
  bool HasKey(std::uint64_t key) const;
  /// What a sink has that stands at `next` in the redrive stream, which begins at
  /// `first`: other letters leave `sent`.
  void Settle(Offset first, Offset next);
  /// Letters that were there `before` are refused now if they were so then. They are not
  /// where a sink that is built anew decided otherwise.
  bool IsAfter(const Refused& before) const;

  std::vector<std::int64_t> ids;
  std::int64_t last_id = 0;  ///< of all letters, of this kind or not
};

/// Of the sink, now: whoever read the sink before has all letters of what it had come to.
Result<Refused> ReadRefused(pipeline::StateDb& state,
                            const pipeline::StoredPipeline& pipeline,
                            const std::string& sink);

}  // namespace millrace::app
