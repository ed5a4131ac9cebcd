#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/failpoint.hpp"
#include "stream_log.hpp"
#include "stream_path.hpp"

/// How a StreamLog appends.
namespace millrace::eventlog {
namespace {

/// One group is at most this long, or one batch: bounds the wait of who is in it.
constexpr std::uint64_t kMaxGroupBytes = 16u << 20u;

std::string Describe(const Position& position) {
  return std::to_string(position.high) + ":" + std::to_string(position.low);
}

Error ConflictError(const EventBatch& batch, const Position& last) {
  return Error(ErrorCode::kConflict, "last position of " + batch.source + " in " +
                                         batch.stream.name + " is " + Describe(last) +
                                         ", the batch follows " + Describe(batch.after));
}

}  // namespace

/// One call of Append; lives on its thread's stack until done.
struct StreamLog::Pending {
  const EventBatch& batch;
  std::string bytes;  ///< encoded by the caller's own thread
  Offset first = 0;   ///< from FormGroup on
  bool taken = false;
  bool done = false;
  Result<Offset> result = Offset{0};
};

/// Batches that one fdatasync makes durable.
struct StreamLog::Group {
  std::vector<Pending*> accepted;
  std::vector<Pending*>
      refused;  ///< answered after the accepted: they may depend on them
  Offset next = 0;
  Positions changed;  ///< by the group
  // Before it: what beginning or going on in a segment needs.
  Positions positions;
  std::shared_ptr<const SegmentList> segments;
  std::uint64_t end = 0;
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
  std::uint64_t body_bytes = 0;
  std::shared_ptr<Segment> begun;  ///< a new newest segment
  std::uint64_t begun_bytes = 0;   ///< of its header
  bool failed_before = false;
  Status written;
};

Result<Offset> StreamLog::Append(const EventBatch& batch, Deadline deadline) {
  if (deadline.expired()) {
    return Fail(ErrorCode::kUnavailable, "append came after its deadline");
  }
  Pending pending{batch,
                  EncodeBatch(batch.source, batch.after, batch.upto, batch.bodies)};
  return Wait(pending, deadline);
}

std::size_t StreamLog::Queued() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

/// Queues; then other threads write it, or this one writes groups until it was in one.
Result<Offset> StreamLog::Wait(Pending& pending, Deadline deadline) {
  std::unique_lock lock(mutex_);
  queue_.push_back(&pending);
  const auto my_turn = [&] { return pending.done || (!writing_ && !pending.taken); };
  while (true) {
    if (deadline.at() == Deadline::Never().at()) {
      append_done_.wait(lock, my_turn);
    } else if (!append_done_.wait_until(lock, deadline.at(), my_turn)) {
      if (!pending.taken) {
        std::erase(queue_, &pending);
        return Fail(ErrorCode::kUnavailable, "append waited too long for its turn");
      }
      append_done_.wait(lock, my_turn);  // already being written: its outcome counts
    }
    if (pending.done) return std::move(pending.result);
    LeadOneGroup(lock);
  }
}

void StreamLog::LeadOneGroup(std::unique_lock<std::mutex>& lock) {
  auto group = FormGroup();
  writing_ = true;
  lock.unlock();
  WriteGroup(group);
  lock.lock();
  Publish(group);
  writing_ = false;
  append_done_.notify_all();
}

StreamLog::Group StreamLog::FormGroup() {
  Group group;
  group.next = next_;
  group.failed_before = failed_;
  group.positions = positions_;
  group.segments = segments_;
  group.end = end_;
  while (!queue_.empty() && (group.bytes == 0 || group.bytes < kMaxGroupBytes)) {
    auto& pending = *queue_.front();
    queue_.pop_front();
    pending.taken = true;
    const auto& batch = pending.batch;
    auto last = group.changed.find(batch.source);
    if (last == group.changed.end()) {
      last = group.changed.emplace(batch.source, Position{}).first;
      const auto known = positions_.find(batch.source);
      if (known != positions_.end()) last->second = known->second;
    }
    if (last->second != batch.after) {
      pending.result = Fail(ConflictError(batch, last->second));
      group.refused.push_back(&pending);
      continue;
    }
    last->second = batch.upto;
    pending.first = group.next;
    group.next += batch.bodies.size();
    group.bytes += pending.bytes.size();
    group.events += batch.bodies.size();
    for (const auto body : batch.bodies) group.body_bytes += body.size();
    group.accepted.push_back(&pending);
  }
  return group;
}

/// Without the lock; only one thread is here.
void StreamLog::WriteGroup(Group& group) {
  if (group.accepted.empty()) return;
  if (group.failed_before) {
    group.written = Fail(ErrorCode::kUnavailable,
                         directory_.string() +
                             " is read-only since a write or sync failed: see the log, "
                             "then restart");
    return;
  }
  group.written = WriteBatches(group);
  if (group.written || !writer_.broken()) return;
  // Some of it may be on disk: only the next start can tell.
  group.written = Fail(Error(ErrorCode::kDeadlineExceeded,
                             std::string(group.written.error().message()) +
                                 " (outcome unknown, the stream is read-only now)"));
}

Status StreamLog::WriteBatches(Group& group) {
  if (context_.room != nullptr)
    MR_CHECK_OK(context_.room->MakeRoom(stream_, group.bytes));
  MR_CHECK_OK(RollIfFull(group));
  MR_FAIL_POINT("eventlog.before_write");
  const auto group_start = writer_.durable();
  for (auto* pending : group.accepted) {
    SealBatch(pending->bytes, pending->first, group_start);
    if (auto written = writer_.Write(pending->bytes); !written) {
      if (!writer_.broken()) MR_CHECK_OK(writer_.Rollback());
      return written;
    }
  }
  MR_FAIL_POINT("eventlog.after_write");
  MR_CHECK_OK(writer_.Sync());
  MR_FAIL_POINT("eventlog.after_sync");
  return {};
}

Status StreamLog::RollIfFull(Group& group) {
  if (!writer_.is_open() && !group.segments->empty()) {
    MR_CHECK_OK(writer_.Continue(group.segments->back()->first, group.end));
  }
  if (writer_.is_open() && writer_.end() < context_.segment_bytes) return {};
  const auto first = group.accepted.front()->first;
  MR_CHECK_OK(writer_.Begin({stream_, first, group.positions}));
  group.begun = std::make_shared<Segment>(SegmentPath(directory_, first), first);
  group.begun_bytes = writer_.end();
  return {};
}

void StreamLog::Publish(Group& group) {
  if (writer_.broken() && !failed_) {
    failed_ = true;
    context_.counters.failed_streams += 1;
  }
  if (group.begun) AdoptBegun(group);
  for (auto* pending : group.refused) pending->done = true;
  for (auto* pending : group.accepted) {
    pending->done = true;
    if (group.written) {
      pending->result = pending->first + pending->batch.bodies.size();
    } else {
      pending->result = Fail(group.written.error());
    }
  }
  if (group.written && !group.accepted.empty()) AdvanceEnd(group);
}

void StreamLog::AdoptBegun(Group& group) {
  auto segments = *segments_;
  if (!segments.empty()) {
    auto& left = *segments.back();
    std::error_code failed;
    const auto written = std::filesystem::last_write_time(left.path, failed);
    left.written_at = failed ? 0 : written.time_since_epoch().count();
  }
  group.begun->bytes = end_ = group.begun_bytes;
  context_.counters.stored_bytes += group.begun_bytes;
  segments.push_back(group.begun);
  segments_ = std::make_shared<const SegmentList>(std::move(segments));
}

void StreamLog::AdvanceEnd(const Group& group) {
  auto& newest = *segments_->back();
  auto position = end_;
  for (const auto* pending : group.accepted) {
    newest.index.Add({pending->first, position});
    position += pending->bytes.size();
  }
  next_ = group.next;
  end_ = position;
  newest.bytes = position;
  unmarked_ = true;
  for (const auto& [source, upto] : group.changed) positions_[source] = upto;
  auto& counters = context_.counters;
  counters.appended_events += group.events;
  counters.appended_bytes += group.body_bytes;
  counters.appended_batches += group.accepted.size();
  counters.written_bytes += group.bytes;
  counters.stored_bytes += group.bytes;
  counters.syncs += 1;
  appended_.notify_all();
}

}  // namespace millrace::eventlog
