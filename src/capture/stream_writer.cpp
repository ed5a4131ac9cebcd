#include "capture/stream_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/failpoint.hpp"
#include "base/uuid.hpp"
#include "change/envelope.hpp"
#include "recent_ids.hpp"

namespace millrace::capture {
namespace {

constexpr std::uint32_t kReadRecords = 10'000;
constexpr std::uint64_t kReadBytes = 8u << 20u;
constexpr TimestampUs kUsPerMs = 1'000;
constexpr std::size_t kUuidBytes = 36;

std::uint64_t BytesOf(const StreamRequest& request) {
  std::uint64_t bytes = 0;
  for (const auto& event : request.events) bytes += event.json.size();
  return bytes;
}

/// What goes to the log together.
struct Append {
  TimestampUs now;
  Version seen;                      ///< last commit of the record store
  change::EnvelopeSeries envelopes;  ///< what they share
  std::string bytes;
  std::vector<std::size_t> ends;                     ///< of each event in `bytes`
  std::vector<std::vector<AcceptedEvent>> accepted;  ///< by request
};

}  // namespace

class StreamWriter::Impl {
 public:
  Impl(eventlog::EventLog& log, const schema::RecordCodec& codec, RecordsEnd records_end,
       const Clock& clock, telemetry::Registry& metrics, StreamWriterOptions options)
      : log_(log),
        codec_(codec),
        records_end_(std::move(records_end)),
        clock_(clock),
        options_(options),
        stream_{"", codec.collection().name},
        recent_(options.dedup_window_ms * kUsPerMs, options.dedup_ids),
        events_(metrics.AddCounter("stream_events_total",
                                   "Events that a stream has taken.",
                                   {{"stream", stream_.name}})),
        duplicates_(metrics.AddCounter("stream_duplicates_total",
                                       "Events whose id was there already.",
                                       {{"stream", stream_.name}})),
        thread_([this] { Loop(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void Submit(StreamRequest request) {
    const std::uint64_t bytes = BytesOf(request);
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_ && queued_bytes_ + bytes <= options_.queue_bytes) {
        queued_bytes_ += bytes;
        queue_.push_back(std::move(request));
        changed_.notify_all();
        return;
      }
    }
    request.done(Fail(ErrorCode::kUnavailable,
                      "stream " + stream_.name + ": too many events are waiting"));
  }

  const schema::RecordCodec& codec() const { return codec_; }

 private:
  void Loop() {
    for (auto requests = Take(); !requests.empty(); requests = Take()) {
      auto written = loaded_ ? Write(requests) : LoadAndWrite(requests);
      for (std::size_t i = 0; i < requests.size(); ++i) {
        if (written) {
          requests[i].done(std::move(written->accepted[i]));
        } else {
          requests[i].done(Fail(written.error()));
        }
      }
    }
  }

  /// Requests for one append, waiting for the first; empty when stopping.
  std::vector<StreamRequest> Take() {
    std::vector<StreamRequest> taken;
    std::uint64_t bytes = 0;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    while (!queue_.empty() && (taken.empty() || bytes < options_.batch_bytes)) {
      const std::uint64_t size = BytesOf(queue_.front());
      bytes += size;
      queued_bytes_ -= size;
      taken.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return taken;
  }

  Result<Append> LoadAndWrite(std::vector<StreamRequest>& requests) {
    MR_CHECK_OK(Load());
    loaded_ = true;
    return Write(requests);
  }

  /// Where the stream stands, and the ids of the window.
  Status Load() {
    MR_TRY(last_, log_.LastPosition(stream_, stream_.name));
    MR_TRY(const auto info, log_.Stream(stream_));
    next_ = info.next;
    MR_TRY(last_at_, TimeOf(info));
    // A clock that went back must not make the window shorter.
    const TimestampUs now = std::max(clock_.Now(), last_at_);
    MR_TRY(Offset at, FirstAfter(info, now - options_.dedup_window_ms * kUsPerMs));
    while (at < info.next) {
      MR_TRY(const auto batch, log_.Read(stream_, at, kReadRecords, kReadBytes));
      for (const auto& record : batch.records()) Remember(record);
      at = batch.next();
    }
    ids_ = std::make_unique<IdMaker>(clock_, last_at_ / kUsPerMs);
    return {};
  }

  /// When the last event was accepted; 0 when there is none.
  Result<TimestampUs> TimeOf(const eventlog::StreamInfo& info) {
    if (info.first == info.next) return 0;
    return TimeAt(info.next - 1);
  }

  Result<TimestampUs> TimeAt(Offset offset) {
    MR_TRY(const auto batch, log_.Read(stream_, offset, 1, 1));
    MR_TRY(const auto event, change::ParseEnvelope(batch.records().front().body));
    return event.committed_at;
  }

  /// The first of the remembered events, by halving: times never fall.
  Result<Offset> FirstAfter(const eventlog::StreamInfo& info, TimestampUs after) {
    Offset low = info.first;
    if (info.next - info.first > options_.dedup_ids) low = info.next - options_.dedup_ids;
    Offset high = info.next;
    while (low < high) {
      const Offset middle = low + (high - low) / 2;
      MR_TRY(const auto at, TimeAt(middle));
      if (at < after) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  void Remember(const eventlog::Record& record) {
    const auto event = change::ParseEnvelope(record.body);
    if (!event) return;
    const auto literal = schema::FindMember(event->after, codec_.collection().key);
    const auto id = RecentIds::Of(schema::TextOf(literal));
    if (!recent_.Find(id)) recent_.Add(id, record.offset, event->committed_at);
  }

  Result<Append> Write(std::vector<StreamRequest>& requests) {
    MR_TRY(const Position seen, records_end_());
    const TimestampUs now = std::max(clock_.Now(), last_at_);
    recent_.Expire(now);
    Append append = Begin(now, seen, requests);
    std::vector<RecentIds::Id> ids;
    for (auto& request : requests) {
      auto& accepted = append.accepted.emplace_back(GiveIds(request.events, ids));
      for (std::size_t i = 0; i < accepted.size(); ++i) {
        Add(request.events[i], ids[i], append, accepted[i]);
      }
    }
    if (append.ends.empty()) return append;  // duplicates alone
    if (auto written = AppendToLog(append, seen); !written) {
      recent_.TakeBack(append.ends.size());
      return Fail(std::move(written.error()).During("append to " + stream_.name));
    }
    last_at_ = now;
    events_.Add(append.ends.size());
    return append;
  }

  /// With room for all of it: an append may have megabytes, and should not move as it
  /// grows.
  Append Begin(TimestampUs now, const Position& seen,
               const std::vector<StreamRequest>& requests) const {
    const auto epoch = static_cast<std::uint32_t>(seen.high);
    change::Event common;
    common.source = common.collection = stream_.name;
    common.operation = "insert";
    common.committed_at = now;
    common.version.epoch = epoch;
    common.as_of = Version{epoch, seen.low, 0xffffffff};
    Append append{now, *common.as_of, change::EnvelopeSeries(common), {}, {}, {}};
    std::size_t bytes = 0, events = 0;
    for (const auto& request : requests) {
      bytes += BytesOf(request);
      events += request.events.size();
    }
    // A key stands in envelope and document.
    bytes += events * (append.envelopes.size() + codec_.system_size() + 2 * kUuidBytes);
    append.bytes.reserve(bytes);
    append.ends.reserve(events);
    append.accepted.reserve(requests.size());
    return append;
  }

  /// The ids of a request, made where there are none, and what they are known by.
  std::vector<AcceptedEvent> GiveIds(std::vector<schema::Draft>& events,
                                     std::vector<RecentIds::Id>& ids) {
    std::vector<AcceptedEvent> accepted(events.size());
    ids.resize(events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      auto& id = accepted[i].event_id;
      if (events[i].key.empty()) {
        AppendUuid(id, ids_->UuidV7());
      } else {
        id = events[i].key;
      }
      ids[i] = RecentIds::Of(id);
      recent_.Prefetch(ids[i]);
    }
    return accepted;
  }

  void Add(const schema::Draft& draft, const RecentIds::Id& id, Append& append,
           AcceptedEvent& accepted) {
    if (const auto first = recent_.Find(id)) {
      duplicates_.Add(1);
      accepted.offset = *first;
      accepted.duplicate = true;
      return;
    }
    accepted.offset = next_ + append.ends.size();
    recent_.Add(id, accepted.offset, append.now);
    const Version version{append.seen.epoch, accepted.offset + 1, 0};
    append.envelopes.Begin(append.bytes);
    codec_.AppendFinished(append.bytes, draft, accepted.event_id, append.now, append.now,
                          version);
    append.envelopes.End(append.bytes, accepted.event_id, version.position);
    append.ends.push_back(append.bytes.size());
  }

  Status AppendToLog(const Append& append, const Position& seen) {
    eventlog::EventBatch batch;
    batch.stream = stream_;
    batch.source = stream_.name;
    batch.after = last_;
    batch.upto = {seen.high, next_ + append.ends.size()};
    std::size_t begin = 0;
    for (const auto end : append.ends) {
      batch.bodies.push_back(std::string_view(append.bytes).substr(begin, end - begin));
      begin = end;
    }
    MR_FAIL_POINT("streams.before_append");
    MR_CHECK_OK(log_.Append(batch, Deadline::Never()));
    MR_FAIL_POINT("streams.after_append");
    last_ = batch.upto;
    next_ += append.ends.size();
    return {};
  }

  eventlog::EventLog& log_;
  const schema::RecordCodec& codec_;
  const RecordsEnd records_end_;
  const Clock& clock_;
  const StreamWriterOptions options_;
  const StreamId stream_;

  // Of the thread alone.
  bool loaded_ = false;
  Position last_;            ///< of this source in the stream
  Offset next_ = 0;          ///< of the stream
  TimestampUs last_at_ = 0;  ///< `_ts` of the last event
  RecentIds recent_;
  std::unique_ptr<IdMaker> ids_;

  telemetry::Counter& events_;
  telemetry::Counter& duplicates_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<StreamRequest> queue_;
  std::uint64_t queued_bytes_ = 0;
  bool stopping_ = false;

  std::thread thread_;  ///< last: it uses all of the above
};

StreamWriter::StreamWriter(eventlog::EventLog& log, const schema::RecordCodec& codec,
                           RecordsEnd records_end, const Clock& clock,
                           telemetry::Registry& metrics, StreamWriterOptions options)
    : impl_(std::make_unique<Impl>(log, codec, std::move(records_end), clock, metrics,
                                   options)) {}
StreamWriter::~StreamWriter() = default;
void StreamWriter::Submit(StreamRequest request) { impl_->Submit(std::move(request)); }
const schema::RecordCodec& StreamWriter::codec() const { return impl_->codec(); }

}  // namespace millrace::capture
