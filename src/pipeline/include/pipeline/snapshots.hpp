#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "change/complete_mark.hpp"
#include "eventlog/event_log.hpp"
#include "records/record_store.hpp"

namespace millrace::pipeline {

/// A whole snapshot of a collection in the stream of a pipeline's snapshots.
struct Snapshot {
  Offset first = 0;    ///< rows are at [first, end) of that stream …
  Offset end = 0;      ///< … and here is the entry that says that they are all
  Position upto;       ///< the commit that they are of
  Offset changes = 0;  ///< first event of the collection's stream that is not in them
};

/// The stream that snapshots for a pipeline are appended to.
std::string SnapshotStream(std::string_view pipeline);
/// What a lookup of a snapshot's row is read as of, and no letter of before is above.
Version SnapshotVersion(const Snapshot& snapshot);

/// Snapshots of collections for pipelines: the records of one moment as events (op r,
/// each under its own version), then an entry that says of which moment, and where in the
/// log the changes go on. What has no such entry was cut short and is never read; another
/// one is taken behind it. The only writer of these streams; one for a data directory.
/// Any thread; calls block. docs/formats/change-event.md.
class Snapshots {
 public:
  /// `source`: the name of the record store in event ids. Both stores outlive this.
  Snapshots(records::RecordStore& records, std::string source, eventlog::EventLog& log)
      : records_(records), source_(std::move(source)), log_(log) {}

  struct Request {
    std::string pipeline;
    std::string collection;
    std::string updated_at;  ///< the field with the time of the last change
    const change::CompleteMark& mark;
    std::function<bool()> stop;  ///< asked often; true: kUnavailable, nothing is left
  };
  /// Takes one: durable, and its moment complete in the log, on return. Memory: one batch
  /// of some megabytes. Errors: kNotFound (no such collection), kOutOfRange (the log has
  /// dropped changes that followed it before it was whole), kUnavailable,
  /// kResourceExhausted, kDeadlineExceeded, kDataLoss; what was appended counts nothing.
  Result<Snapshot> Take(const Request& request);
  /// The newest one, if all of it and all changes behind it are still in the log; else as
  /// Take. Callers of the same pipeline at the same time get the same one.
  Result<Snapshot> Ensure(const Request& request);
  /// The whole one that has `at` among its rows, or at its end, the first of which the
  /// log may have dropped; nullopt: none has.
  Result<std::optional<Snapshot>> At(const std::string& pipeline, Offset at);
  /// The newest whole one, of which the log has the end at least.
  Result<std::optional<Snapshot>> Newest(const std::string& pipeline);

  /// Records of `collection` as they are now, without the log.
  records::RecordStore& records() { return records_; }

 private:
  class Writer;
  struct Attempt {
    Offset first = 0;               ///< of what the log still has of it
    std::optional<Snapshot> whole;  ///< nullopt: it was cut short
  };
  Result<Attempt> Look(const eventlog::StreamInfo& stream, std::uint64_t number,
                       Offset next);
  Result<Snapshot> TakeLocked(const Request& request);
  Result<Offset> ChangesAfter(const std::string& collection, const Position& upto);
  Result<std::optional<Snapshot>> Search(const std::string& pipeline,
                                         const std::function<bool(const Attempt&)>& is);

  records::RecordStore& records_;
  const std::string source_;
  eventlog::EventLog& log_;
  std::mutex taking_;
};

}  // namespace millrace::pipeline
