#include "pipeline/snapshots.hpp"

#include <limits>
#include <vector>

#include "base/failpoint.hpp"
#include "change/envelope.hpp"
#include "schema/record_codec.hpp"
#include "snapshot_entry.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kRowsAtOnce = 5'000;
constexpr std::size_t kBytesAtOnce = 4u << 20u;
constexpr std::chrono::milliseconds kLookAgain{100};
/// Who feeds the streams. Positions: {number of the attempt, events of it}.
constexpr const char* kSource = "snapshot";
constexpr auto kLast = std::numeric_limits<std::uint64_t>::max();

Error Stopped() {
  return Error(ErrorCode::kUnavailable, "the snapshot was cut short: it is taken again");
}

/// When the record was changed last.
TimestampUs ChangedAt(std::string_view document, std::string_view field) {
  const auto literal = schema::FindMember(document, field);
  if (literal.empty()) return 0;
  return ParseTimestamp(schema::TextOf(literal)).value_or(0);
}

}  // namespace

std::string SnapshotStream(std::string_view pipeline) {
  return "_snapshot." + std::string(pipeline);
}

Version SnapshotVersion(const Snapshot& snapshot) {
  return {static_cast<std::uint32_t>(snapshot.upto.high), snapshot.upto.low,
          std::numeric_limits<std::uint32_t>::max()};
}

/// Appends one attempt, in batches.
class Snapshots::Writer {
 public:
  static Result<Writer> Begin(eventlog::EventLog& log, StreamId stream) {
    MR_TRY(const auto last, log.LastPosition(stream, kSource));
    MR_TRY(const auto info, log.Stream(stream));
    Writer writer(log, std::move(stream));
    writer.at_ = last;
    writer.number_ = last.high + 1;
    writer.first_ = writer.next_ = info.next;
    return writer;
  }

  Status Add(const change::Event& event) {
    change::AppendEnvelope(bytes_, event);
    return Added();
  }
  Status End(const Snapshot& snapshot) {
    MR_CHECK_OK(Append());
    AppendSnapshotEntry(bytes_, snapshot);
    ends_.push_back(bytes_.size());
    MR_FAIL_POINT("snapshot.before_end");
    MR_CHECK_OK(Append());
    MR_FAIL_POINT("snapshot.after_end");
    return {};
  }
  Status Flush() { return Append(); }
  Offset first() const { return first_; }
  Offset next() const { return next_; }

 private:
  Writer(eventlog::EventLog& log, StreamId stream)
      : log_(log), stream_(std::move(stream)) {}

  Status Added() {
    ends_.push_back(bytes_.size());
    if (ends_.size() < kRowsAtOnce && bytes_.size() < kBytesAtOnce) return {};
    return Append();
  }
  Status Append() {
    if (ends_.empty()) return {};
    const Offset next = next_ + ends_.size();
    eventlog::EventBatch batch{stream_, kSource, at_, {number_, next - first_}, {}};
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      batch.bodies.push_back(std::string_view(bytes_).substr(begin, end - begin));
      begin = end;
    }
    MR_CHECK_OK(log_.Append(batch, Deadline::Never()));
    MR_FAIL_POINT("snapshot.after_append");
    at_ = batch.upto;
    next_ = next;
    bytes_.clear();
    ends_.clear();
    return {};
  }

  eventlog::EventLog& log_;
  StreamId stream_;
  Position at_;
  std::uint64_t number_ = 0;
  Offset first_ = 0, next_ = 0;
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

Result<Snapshot> Snapshots::Take(const Request& request) {
  const std::lock_guard lock(taking_);
  return TakeLocked(request);
}

Result<Snapshot> Snapshots::TakeLocked(const Request& request) {
  MR_TRY(auto writer, Writer::Begin(log_, {"", SnapshotStream(request.pipeline)}));
  Status added;
  const auto add = [&](const records::ScannedRecord& record) {
    change::Event event;
    event.after = record.document;
    event.source = source_;
    event.collection = request.collection;
    event.key = record.key;
    event.op = 'r';
    event.operation = records::ToString(records::Operation::kRead);
    event.committed_at = ChangedAt(record.document, request.updated_at);
    event.version = record.version;
    event.as_of = SnapshotVersion({.upto = record.upto});
    added = request.stop() ? Status(Fail(Stopped())) : writer.Add(event);
    return added.has_value();
  };
  MR_TRY(const Position upto, records_.Scan(request.collection, add));
  MR_CHECK_OK(added);
  MR_CHECK_OK(writer.Flush());
  while (!request.mark.WaitFor(upto, Deadline::After(kLookAgain))) {
    if (request.stop()) return Fail(Stopped());
  }
  MR_TRY(const Offset changes, ChangesAfter(request.collection, upto));
  const Snapshot snapshot{writer.first(), writer.next(), upto, changes};
  MR_CHECK_OK(writer.End(snapshot));
  return snapshot;
}

/// The mark must have reached `upto`: every change up to it is in the stream.
Result<Offset> Snapshots::ChangesAfter(const std::string& collection,
                                       const Position& upto) {
  const StreamId stream{"", collection};
  MR_TRY(const auto info, log_.Stream(stream));
  if (upto.low == 0) return info.first;  // nothing was ever committed
  MR_TRY(const auto batch, log_.Find(stream, source_, upto));
  // Nothing at or past it when it was looked for: so nothing past it at the end before.
  if (batch.empty()) return info.next;
  for (const eventlog::Record& record : batch.records()) {
    MR_TRY(const auto event, change::ParseEnvelope(record.body));
    if (event.version.position > upto.low) return record.offset;
  }
  return batch.next();
}

/// The attempt of this number, which ends before `next`.
Result<Snapshots::Attempt> Snapshots::Look(const eventlog::StreamInfo& stream,
                                           std::uint64_t number, Offset next) {
  Attempt attempt{stream.first, {}};
  const auto begin = log_.Find(stream.stream, kSource, {number - 1, kLast});
  if (begin && !begin->empty()) {
    attempt.first = begin->records().front().offset;
  } else if (!begin && begin.error().code() != ErrorCode::kOutOfRange) {
    return Fail(begin.error());
  }
  MR_TRY(const auto last, log_.Read(stream.stream, next - 1, 1, 1));
  if (last.empty()) return attempt;
  attempt.whole = ParseSnapshotEntry(last.records().front().body, next - 1);
  return attempt;
}

Result<std::optional<Snapshot>> Snapshots::Search(
    const std::string& pipeline, const std::function<bool(const Attempt&)>& is) {
  const StreamId stream{"", SnapshotStream(pipeline)};
  MR_TRY(const auto last, log_.LastPosition(stream, kSource));
  MR_TRY(const auto info, log_.Stream(stream));
  Offset next = info.next;
  for (std::uint64_t number = last.high; number > 0 && next > info.first; --number) {
    MR_TRY(const auto attempt, Look(info, number, next));
    if (is(attempt)) return attempt.whole;
    next = attempt.first;
  }
  return std::nullopt;
}

Result<std::optional<Snapshot>> Snapshots::At(const std::string& pipeline, Offset at) {
  return Search(pipeline, [at](const Attempt& attempt) { return attempt.first <= at; });
}

Result<std::optional<Snapshot>> Snapshots::Newest(const std::string& pipeline) {
  return Search(pipeline,
                [](const Attempt& attempt) { return attempt.whole.has_value(); });
}

Result<Snapshot> Snapshots::Ensure(const Request& request) {
  const std::lock_guard lock(taking_);
  MR_TRY(const auto newest, Newest(request.pipeline));
  if (newest) {
    MR_TRY(const auto rows, log_.Stream({"", SnapshotStream(request.pipeline)}));
    MR_TRY(const auto changes, log_.Stream({"", request.collection}));
    if (newest->first >= rows.first && newest->changes >= changes.first) return *newest;
  }
  return TakeLocked(request);
}

}  // namespace millrace::pipeline
