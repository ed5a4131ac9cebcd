#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/copy.hpp"
#include "eventlog/event_log.hpp"
#include "segment.hpp"
#include "segment_format.hpp"
#include "segment_scan.hpp"
#include "segment_writer.hpp"

namespace millrace::eventlog {

/// Written by streams, read by Stats.
struct Counters {
  std::atomic<std::uint64_t> appended_events = 0;
  std::atomic<std::uint64_t> appended_bytes = 0;
  std::atomic<std::uint64_t> written_bytes = 0;
  std::atomic<std::uint64_t> appended_batches = 0;
  std::atomic<std::uint64_t> syncs = 0;
  std::atomic<std::uint64_t> read_events = 0;
  std::atomic<std::uint64_t> read_bytes = 0;
  std::atomic<std::uint64_t> dropped_segments = 0;
  std::atomic<std::uint64_t> failed_streams = 0;
  std::atomic<std::uint64_t> stored_bytes = 0;
};

/// Asked before a group is written; refuses with kResourceExhausted.
class RoomKeeper {
 public:
  virtual ~RoomKeeper() = default;
  virtual Status MakeRoom(const StreamId& stream, std::uint64_t bytes) = 0;
};

/// What the streams of one open log share; outlives them.
struct StreamContext {
  std::filesystem::path directory;
  std::uint64_t segment_bytes = 0;
  std::uint64_t preallocate_bytes = 0;
  bool read_only = false;
  RoomKeeper* room = nullptr;
  Counters counters;
  std::atomic<bool> interrupted = false;
};

/// A closed segment that retention may drop.
struct DropCandidate {
  Offset end = 0;  ///< first offset after it
  std::int64_t written_at = 0;
};

/// One stream. Appends group themselves: while one thread writes and syncs, others queue;
/// then one of them writes all of the queue with one fdatasync. mutex_ is never held
/// during I/O but for a stat when a segment is begun. Any thread.
class StreamLog {
 public:
  StreamLog(StreamContext& context, StreamId stream);
  /// Closes cleanly. No calls may be running.
  ~StreamLog();

  /// Finds the end, cuts a torn tail and makes the rest durable; read-only: only looks.
  Status Recover();
  /// Read-only: looks for what another process appended or dropped.
  Status Refresh();

  Result<Offset> Append(const EventBatch& batch, Deadline deadline);
  Position LastPosition(std::string_view source) const;
  Result<RecordBatch> Read(Offset from, std::uint32_t max_records,
                           std::uint64_t max_bytes);
  Result<RecordBatch> Find(const std::string& source, const Position& position);
  StreamInfo Info() const;
  /// As EmbeddedEventLog::CopyTo, for this stream; `log` is the copy's directory.
  Status CopyTo(const std::filesystem::path& log, const CopyProgress& progress) const;
  bool WaitFor(Offset beyond, Deadline deadline);
  void Interrupt();
  void WakeWaiters();
  /// Appends that wait for their turn now.
  std::size_t Queued() const;

  std::optional<DropCandidate> OldestClosed() const;
  /// Forgets and removes the oldest segment if others follow it.
  Status DropOldest();

  const StreamId& stream() const { return stream_; }

 private:
  struct Pending;
  struct Group;
  /// What a read works on: consistent, and alive while it is held.
  struct View {
    std::shared_ptr<const SegmentList> segments;
    Offset next = 0;
    std::uint64_t end = 0;
    std::optional<Error> damage;
  };

  Status RecoverWritable(const SegmentList& segments);
  void Adopt(SegmentList segments, ScanPoint point);
  Result<SegmentList> ListFromDisk(const SegmentList& known) const;

  Group FormGroup();
  void WriteGroup(Group& group);
  Status WriteBatches(Group& group);
  Status RollIfFull(Group& group);
  void Publish(Group& group);
  void AdoptBegun(Group& group);
  void AdvanceEnd(const Group& group);
  void LeadOneGroup(std::unique_lock<std::mutex>& lock);
  Result<Offset> Wait(Pending& pending, Deadline deadline);

  /// The segment of `view` that holds a position which the source has reached.
  Result<std::size_t> SegmentOf(const View& view, const std::string& source,
                                const Position& position) const;
  Error Vanished(Offset from, Error error) const;
  View Look() const;
  Offset First(const SegmentList& segments) const;

  StreamContext& context_;
  const StreamId stream_;
  const std::filesystem::path directory_;

  std::mutex look_mutex_;  ///< one Refresh at a time; before mutex_, held during I/O
  mutable std::mutex mutex_;
  std::condition_variable append_done_;
  std::condition_variable appended_;
  std::shared_ptr<const SegmentList> segments_;
  Offset next_ = 0;               ///< durable
  std::uint64_t interrupts_ = 0;  ///< a waiter that began before the last one gives up
  std::uint64_t end_ = 0;         ///< durable, in the newest segment
  Positions positions_;           ///< durable
  std::optional<Error> damage_;   ///< read-only: why reading ends at next_
  std::deque<Pending*> queue_;
  bool writing_ = false;  ///< a thread is between FormGroup and Publish; owns writer_
  bool failed_ = false;
  bool unmarked_ = false;  ///< appended since the last mark
  SegmentWriter writer_;
};

}  // namespace millrace::eventlog
