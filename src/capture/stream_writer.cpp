#include "capture/stream_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "append_stage.hpp"
#include "base/uuid.hpp"
#include "change/envelope.hpp"
#include "recent_ids.hpp"

namespace millrace::capture {
namespace {

constexpr std::uint32_t kReadRecords = 10'000;
constexpr std::uint64_t kReadBytes = 8u << 20u;
constexpr TimestampUs kUsPerMs = 1'000;
constexpr std::size_t kUuidBytes = 36;
constexpr std::size_t kMaxEscape = 6;  ///< bytes of one in JSON text: \u0001

/// An append as it is formed.
struct Forming {
  TimestampUs now;
  Version seen;                      ///< last commit of the record store
  change::Event common;              ///< what events share
  change::EnvelopeSeries envelopes;  ///< of one tenant
  FormedAppend append;

  void Of(const std::string& tenant) {
    if (common.tenant == tenant) return;
    common.tenant = tenant;
    envelopes = change::EnvelopeSeries(common);
  }
};

/// A request that waits, and at most how much it is for the log.
struct Queued {
  StreamRequest request;
  std::uint64_t logged = 0;
};

/// What a window remembers an event by.
RecentIds::Id IdOf(std::string_view tenant, std::string_view event_id) {
  if (tenant.empty()) return RecentIds::Of(event_id);
  std::string both(tenant);
  both += '\0';
  both += event_id;
  return RecentIds::Of(both);
}

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
        duplicates_(metrics.AddCounter("stream_duplicates_total",
                                       "Events whose id was there already.",
                                       {{"stream", stream_.name}})),
        stage_(
            log_, stream_,
            metrics.AddCounter("stream_events_total", "Events that a stream has taken.",
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
    const std::uint64_t bytes = request.events.bytes();
    const std::uint64_t logged = LoggedBytes(request);
    // It would be refused for ever, or what is appended with it.
    if (bytes > options_.queue_bytes || logged > eventlog::kMaxBatchBytes) {
      return request.done(Fail(ErrorCode::kTooLarge,
                               "stream " + stream_.name + ": the request's events have " +
                                   std::to_string(logged) +
                                   " bytes as they are stored: send fewer at once"));
    }
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_ && queued_bytes_ + bytes <= options_.queue_bytes) {
        queued_bytes_ += bytes;
        queue_.push_back({std::move(request), logged});
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
      if (const auto lost = stage_.TakeLost()) TakeBack(*lost, 0);
      auto append = loaded_ ? Form(requests) : LoadAndForm(requests);
      if (!append) {
        for (auto& request : requests) request.done(Fail(append.error()));
      } else if (!stage_.HandOver(*append)) {
        const auto lost = *stage_.TakeLost();
        TakeBack(lost, append->ends.size());
        Refuse(*append, lost.error);
      }
    }
  }

  /// The stream stands where it stood before what was lost, and before `more` events that
  /// were formed behind it.
  void TakeBack(const AppendStage::Lost& lost, std::size_t more) {
    recent_.TakeBack(lost.events + more);
    last_ = lost.after;
    next_ = lost.first;
    last_at_ = lost.last_at;
  }

  /// At most: a key stands in the document, and escaped as long in the envelope.
  std::uint64_t LoggedBytes(const StreamRequest& request) const {
    const auto& events = request.events;
    change::Event common;
    common.source = common.collection = stream_.name;
    common.tenant = request.tenant;
    common.operation = "insert";
    common.as_of = Version{};
    constexpr std::size_t kNumbers = 128;  // digits that this one's lacks
    const std::uint64_t beside = change::EnvelopeSeries(common).size() + kNumbers +
                                 codec_.system_size() + 2 * kUuidBytes;
    std::uint64_t bytes = events.bytes() + events.size() * beside;
    for (std::size_t i = 0; i < events.size(); ++i)
      bytes += std::min(events[i].json.size(), kMaxEscape * events[i].key.size());
    return bytes;
  }

  /// Requests for one append, waiting for the first; empty when stopping.
  std::vector<StreamRequest> Take() {
    std::vector<StreamRequest> taken;
    std::uint64_t bytes = 0, logged = 0;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    while (!queue_.empty()) {
      auto& next = queue_.front();
      const bool fits = bytes < options_.batch_bytes &&
                        logged + next.logged <= eventlog::kMaxBatchBytes;
      if (!taken.empty() && !fits) break;
      const std::uint64_t size = next.request.events.bytes();
      bytes += size;
      logged += next.logged;
      queued_bytes_ -= size;
      taken.push_back(std::move(next.request));
      queue_.pop_front();
    }
    return taken;
  }

  Result<FormedAppend> LoadAndForm(std::vector<StreamRequest>& requests) {
    MR_CHECK_OK(Load());
    loaded_ = true;
    return Form(requests);
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
    const auto id = IdOf(event->tenant, schema::TextOf(literal));
    if (!recent_.Find(id)) recent_.Add(id, record.offset, event->committed_at);
  }

  /// As if all that was handed over before were in the log. Takes the requests; on
  /// failure nothing has changed.
  Result<FormedAppend> Form(std::vector<StreamRequest>& requests) {
    MR_TRY(const Position seen, records_end_());
    const TimestampUs now = std::max(clock_.Now(), last_at_);
    recent_.Expire(now);
    Forming forming = Begin(now, seen, requests);
    auto& append = forming.append;
    std::vector<RecentIds::Id> ids;
    for (auto& request : requests) {
      forming.Of(request.tenant);
      auto& accepted = append.accepted.emplace_back(GiveIds(request, ids));
      for (std::size_t i = 0; i < accepted.size(); ++i) {
        Add(request.events[i], ids[i], forming, accepted, i);
      }
    }
    append.requests = std::move(requests);
    if (append.ends.empty()) return std::move(append);  // duplicates alone
    next_ += append.ends.size();
    last_ = append.upto = {seen.high, next_};
    last_at_ = now;
    return std::move(append);
  }

  /// With room for all of it: an append may have megabytes, and should not move as it
  /// grows.
  Forming Begin(TimestampUs now, const Position& seen,
                const std::vector<StreamRequest>& requests) const {
    const auto epoch = static_cast<std::uint32_t>(seen.high);
    change::Event common;
    common.source = common.collection = stream_.name;
    common.operation = "insert";
    common.committed_at = now;
    common.version.epoch = epoch;
    common.as_of = Version{epoch, seen.low, 0xffffffff};
    Forming forming{now, *common.as_of, common, change::EnvelopeSeries(common), {}};
    std::size_t bytes = 0, events = 0;
    for (const auto& request : requests) {
      bytes += request.events.bytes();
      events += request.events.size();
    }
    // A key stands in envelope and document.
    bytes += events * (forming.envelopes.size() + codec_.system_size() + 2 * kUuidBytes);
    auto& append = forming.append;
    append.bytes.reserve(bytes);
    append.ends.reserve(events);
    append.accepted.reserve(requests.size());
    append.after = last_;
    append.first = next_;
    append.last_at = last_at_;
    return forming;
  }

  /// The ids of a request, made where there are none, and what they are known by.
  AcceptedEvents GiveIds(const StreamRequest& request, std::vector<RecentIds::Id>& ids) {
    const auto& events = request.events;
    AcceptedEvents accepted;
    accepted.Reserve(events.size());
    ids.resize(events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (const auto key = events[i].key; !key.empty()) {
        accepted.AddGiven(key);
      } else {
        accepted.AddMade(ids_->UuidV7());
      }
      ids[i] = IdOf(request.tenant, accepted[i].event_id);
      recent_.Prefetch(ids[i]);
    }
    return accepted;
  }

  void Add(const schema::DraftView& draft, const RecentIds::Id& id, Forming& forming,
           AcceptedEvents& accepted, std::size_t index) {
    if (const auto first = recent_.Find(id)) {
      duplicates_.Add(1);
      return accepted.Place(index, *first, true);
    }
    auto& append = forming.append;
    const TimestampUs now = forming.now;
    const Offset offset = append.first + append.ends.size();
    accepted.Place(index, offset, false);
    recent_.Add(id, offset, now);
    const auto event_id = accepted[index].event_id;
    const Version version{forming.seen.epoch, offset + 1, 0};
    forming.envelopes.Begin(append.bytes);
    codec_.AppendFinished(append.bytes, draft, event_id, now, now, version);
    forming.envelopes.End(append.bytes, event_id, version.position);
    append.ends.push_back(append.bytes.size());
  }

  eventlog::EventLog& log_;
  const schema::RecordCodec& codec_;
  const RecordsEnd records_end_;
  const Clock& clock_;
  const StreamWriterOptions options_;
  const StreamId stream_;

  // Of the thread alone: after what was handed over.
  bool loaded_ = false;
  Position last_;            ///< of this source in the stream
  Offset next_ = 0;          ///< of the stream
  TimestampUs last_at_ = 0;  ///< `_ts` of the last event
  RecentIds recent_;
  std::unique_ptr<IdMaker> ids_;

  telemetry::Counter& duplicates_;
  AppendStage stage_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<Queued> queue_;
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
