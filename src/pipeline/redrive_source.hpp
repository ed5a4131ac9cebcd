#pragma once

#include <map>
#include <string>
#include <vector>

#include "eventlog/event_log.hpp"
#include "pipeline/dead_letters.hpp"
#include "pipeline/sink.hpp"

namespace millrace::pipeline {

/// Between the redrive stream, the letters and one sink. One thread.
///
/// A letter's state says what its event in the redrive stream is worth: it is taken only
/// while the letter is sent, from the place that the letter names. So whatever a crash
/// left in the stream, or a sink that is built anew reads again, counts once at most.
class RedriveSource {
 public:
  RedriveSource(std::string pipeline, std::string sink, DeadLetters& letters)
      : pipeline_(std::move(pipeline)), sink_(std::move(sink)), letters_(letters) {}

  /// The events of a batch of the redrive stream that this sink takes, under the offsets
  /// that they have in their own stream, ascending; views into the batch. Two events may
  /// have one offset, of a snapshot and of the changes: the batch is limited to what
  /// comes before the second.
  Result<std::vector<eventlog::Record>> Take(eventlog::RecordBatch& batch);
  /// What events of the last Take are changes of, by their offsets: their letters say so
  /// from now on. Before the sink has them.
  Status Learn(const std::map<Offset, RecordState>& became);
  /// Events of the last Take that died again: their letters are open.
  Status Reopen(std::vector<DeadLetter> died);
  /// The sink has everything below `committed`: says so of the letters with places from
  /// `from` on. Can be repeated. Gives how many were applied, and superseded.
  struct Resolved {
    std::uint64_t applied = 0, superseded = 0;
  };
  Result<Resolved> Resolve(Offset from, Offset committed, Sink& sink);

 private:
  const std::string pipeline_, sink_;
  DeadLetters& letters_;
  std::map<Offset, std::int64_t> taken_;  ///< letters by the event's own offset
};

}  // namespace millrace::pipeline
