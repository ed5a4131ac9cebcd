#include "stream_log.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/failpoint.hpp"
#include "base/file.hpp"
#include "segment_reader.hpp"
#include "stream_path.hpp"

namespace millrace::eventlog {

StreamLog::StreamLog(StreamContext& context, StreamId stream)
    : context_(context),
      stream_(std::move(stream)),
      directory_(StreamDirectory(context.directory, stream_)),
      segments_(std::make_shared<const SegmentList>()),
      writer_(directory_, context.preallocate_bytes) {}

StreamLog::~StreamLog() {
  if (!writer_.is_open() || failed_ || !unmarked_) return;
  // A failure costs only a scan at the next start: all events are durable already.
  static_cast<void>(writer_.Close(positions_, next_));
}

StreamLog::View StreamLog::Look() const {
  const std::scoped_lock lock(mutex_);
  return {segments_, next_, end_, damage_};
}

Offset StreamLog::First(const SegmentList& segments) const {
  return segments.empty() ? 0 : segments.front()->first;
}

Position StreamLog::LastPosition(std::string_view source) const {
  const std::scoped_lock lock(mutex_);
  const auto found = positions_.find(source);
  return found == positions_.end() ? Position{} : found->second;
}

StreamInfo StreamLog::Info() const {
  const auto view = Look();
  StreamInfo info{stream_, First(*view.segments), view.next, 0};
  for (const auto& segment : *view.segments) info.bytes += segment->bytes;
  return info;
}

Result<RecordBatch> StreamLog::Read(Offset from, std::uint32_t max_records,
                                    std::uint64_t max_bytes) {
  const auto view = Look();
  const auto first = First(*view.segments);
  if (from < first || from > view.next) {
    return Fail(ErrorCode::kOutOfRange,
                stream_.name + " holds offsets " + std::to_string(first) + " to " +
                    std::to_string(view.next) + ", asked for " + std::to_string(from));
  }
  if (from == view.next) {
    if (view.damage) return Fail(*view.damage);
    return RecordBatch(from, nullptr, {});
  }
  const auto above = std::ranges::upper_bound(*view.segments, from, {},
                                              [](const auto& s) { return s->first; });
  const bool newest = above == view.segments->end();
  auto& segment = **std::prev(above);
  const ReadRange range{.stream = stream_,
                        .from = from,
                        .end = newest ? view.next : (*above)->first,
                        .bytes = newest ? view.end : 0,
                        .max_records = std::max(max_records, 1u),
                        .max_bytes = std::max<std::uint64_t>(max_bytes, 1)};
  auto read = ReadSegment(segment, range);
  if (!read) return Fail(Vanished(from, std::move(read).error()));
  context_.counters.read_events += read->records().size();
  for (const auto& record : read->records()) {
    context_.counters.read_bytes += record.body.size();
  }
  read->Limit(range.max_records, range.max_bytes);
  return read;
}

/// A segment that is gone was dropped by retention, here or in the server, or is missing.
Error StreamLog::Vanished(Offset from, Error error) const {
  if (error.code() != ErrorCode::kNotFound) return error;
  const bool dropped = from < First(*Look().segments) || context_.read_only;
  return {dropped ? ErrorCode::kOutOfRange : ErrorCode::kDataLoss, error.message()};
}

bool StreamLog::WaitFor(Offset beyond, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto ready = [&, before = interrupts_] {
    return next_ > beyond || interrupts_ != before || context_.interrupted;
  };
  if (deadline.at() == Deadline::Never().at()) {
    appended_.wait(lock, ready);
  } else {
    appended_.wait_until(lock, deadline.at(), ready);
  }
  return next_ > beyond;
}

void StreamLog::Interrupt() {
  {
    const std::scoped_lock lock(mutex_);
    ++interrupts_;
  }
  appended_.notify_all();
}

void StreamLog::WakeWaiters() {
  // The lock orders the flag before a waiter's test of it and its going to sleep.
  {
    const std::scoped_lock lock(mutex_);
  }
  appended_.notify_all();
}

std::optional<DropCandidate> StreamLog::OldestClosed() const {
  const auto view = Look();
  if (view.segments->size() < 2) return {};
  return DropCandidate{(*view.segments)[1]->first, view.segments->front()->written_at};
}

Status StreamLog::DropOldest() {
  std::shared_ptr<Segment> oldest;
  {
    // What cannot be removed is still there, and counted. Under the lock, so that who
    // finds the file gone finds it dropped.
    const std::scoped_lock lock(mutex_);
    if (segments_->size() < 2) return {};
    oldest = segments_->front();
    std::error_code failed;
    std::filesystem::remove(oldest->path, failed);
    if (failed) return Fail(SystemError("remove", oldest->path, failed.value()));
    segments_ =
        std::make_shared<const SegmentList>(segments_->begin() + 1, segments_->end());
  }
  context_.counters.stored_bytes -= oldest->bytes;
  context_.counters.dropped_segments += 1;
  return SyncDir(directory_);
}

}  // namespace millrace::eventlog
