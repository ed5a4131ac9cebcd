#include "catch_up.hpp"

#include <iterator>
#include <utility>

#include "base/json_member.hpp"

namespace millrace::live {
namespace {

/// Keys of a snapshot that are held at a time; the next ones cost a look at all records.
constexpr std::uint32_t kKeysAtOnce = 50'000;
constexpr int kRecordsAStep = 500;
constexpr std::uint32_t kEventsAStep = 1000;
constexpr std::uint64_t kBytesAStep = 1u << 20u;
constexpr std::chrono::milliseconds kScanDeadline{60'000};

}  // namespace

CatchUp::Next CatchUp::Step(const SubscriberPtr& subscriber, SinkEvents events) {
  if (subscriber->closed) return Next::kDone;
  if (subscriber->phase == Subscriber::Phase::kBegin) {
    return Begin(*subscriber, std::move(events));
  }
  if (!HasRoom(*subscriber)) return Next::kPark;
  auto next = Advance(subscriber);
  if (next) return *next;
  if (next.error().code() == ErrorCode::kOutOfRange) {
    BeginReset(*subscriber, next.error().message());
    return Next::kAgain;
  }
  parts_.logger.Warn(
      "a live subscriber is cut",
      {{"collection", subscriber->feed->collection().name}, {"error", next.error()}});
  subscriber->sink->Cut();
  return Next::kDone;
}

/// Nothing is answered before it is known that it can be.
CatchUp::Next CatchUp::Begin(Subscriber& subscriber, SinkEvents events) {
  auto open = std::exchange(subscriber.wanted.open, nullptr);
  if (auto placed = Place(subscriber); !placed) {
    open(Fail(std::move(placed.error())), {});
    subscriber.closed = true;
    return Next::kDone;
  }
  const auto behind = subscriber.phase == Subscriber::Phase::kSnapshot
                          ? subscriber.upto
                          : subscriber.version;
  subscriber.sink = open(subscriber.wanted.view->Id(behind), std::move(events));
  return subscriber.sink ? Next::kAgain : Next::kDone;
}

Status CatchUp::Place(Subscriber& subscriber) {
  const auto& wanted = subscriber.wanted;
  if (!wanted.last && wanted.snapshot) return BeginSnapshot(subscriber);
  if (wanted.last) {
    subscriber.version = *wanted.last;
    if (wanted.view->Id(subscriber.version) != subscriber.version) {
      BeginReset(subscriber, "the access rules, or who asks, are others now");
      return {};
    }
    subscriber.version.ordinal = 0;
  } else {
    MR_TRY(subscriber.version, place_.Now());
  }
  const auto offset = place_.After(subscriber.feed->stream(), subscriber.version);
  if (!offset && offset.error().code() == ErrorCode::kOutOfRange) {
    BeginReset(subscriber, offset.error().message());
    return {};
  }
  MR_CHECK_OK(offset);
  subscriber.offset = *offset;
  subscriber.phase = Subscriber::Phase::kLog;
  // A client that was cut within its snapshot still waits for its end.
  if (wanted.snapshot) MR_CHECK_OK(AwaitReady(subscriber));
  return {};
}

Result<CatchUp::Next> CatchUp::Advance(const SubscriberPtr& subscriber) {
  switch (subscriber->phase) {
    case Subscriber::Phase::kReset:
      return Reset(*subscriber);
    case Subscriber::Phase::kSnapshot:
      return Snapshot(*subscriber);
    default:
      return ReadLog(subscriber);
  }
}

bool CatchUp::Send(Subscriber& subscriber, Message& message) {
  if (!subscriber.sink->Send(message)) return false;
  counters_.messages.Add();
  return true;
}

// Reset --------------------------------------------------------------------------------

void CatchUp::BeginReset(Subscriber& subscriber, std::string reason) {
  subscriber.phase = Subscriber::Phase::kReset;
  subscriber.version = {};
  subscriber.keys.clear();
  subscriber.ready_at.reset();
  subscriber.reset_reason = std::move(reason);
}

Result<CatchUp::Next> CatchUp::Reset(Subscriber& subscriber) {
  std::string data = "{";
  AppendMember(data, "reason", subscriber.reset_reason);
  data += '}';
  // Before everything: who is cut right after it has nothing.
  Message message(Kind::kReset, subscriber.wanted.view->Id({}), data);
  if (!Send(subscriber, message)) return Next::kPark;
  MR_CHECK_OK(BeginSnapshot(subscriber));
  return Next::kAgain;
}

// Snapshot -----------------------------------------------------------------------------

Status CatchUp::BeginSnapshot(Subscriber& subscriber) {
  MR_TRY(subscriber.upto, place_.Now());
  subscriber.version = {};
  subscriber.phase = Subscriber::Phase::kSnapshot;
  return {};
}

/// The records by their versions: those that have not changed since, the log has the
/// others.
Result<CatchUp::Next> CatchUp::Snapshot(Subscriber& subscriber) {
  auto& keys = subscriber.keys;
  const auto& [tenant, collection] = subscriber.feed->stream();
  if (keys.empty()) {
    MR_TRY(auto listed,
           parts_.records.ListVersions(
               tenant, collection, subscriber.wanted.view->query(), subscriber.version,
               subscriber.upto, kKeysAtOnce, Deadline::After(kScanDeadline)));
    if (listed.empty()) return EndSnapshot(subscriber);
    keys.assign(std::make_move_iterator(listed.begin()),
                std::make_move_iterator(listed.end()));
  }
  for (int i = 0; i < kRecordsAStep && !keys.empty(); ++i) {
    const auto& [key, version] = keys.front();
    const auto stored = parts_.records.Get(tenant, collection, key);
    if (!stored && stored.error().code() != ErrorCode::kNotFound) {
      return Fail(stored.error());
    }
    if (stored && stored->version == version) {
      Message message(Kind::kRecord, subscriber.wanted.view->Id(version),
                      stored->document);
      if (!Send(subscriber, message)) return Next::kPark;
    }
    subscriber.version = version;
    keys.pop_front();
  }
  return Next::kAgain;
}

Result<CatchUp::Next> CatchUp::EndSnapshot(Subscriber& subscriber) {
  MR_TRY(subscriber.offset, place_.After(subscriber.feed->stream(), subscriber.upto));
  subscriber.version = subscriber.upto;
  subscriber.keys.shrink_to_fit();
  MR_CHECK_OK(AwaitReady(subscriber));
  subscriber.phase = Subscriber::Phase::kLog;
  return Next::kAgain;
}

/// What was changed meanwhile belongs to the snapshot: `ready` follows it.
Status CatchUp::AwaitReady(Subscriber& subscriber) {
  MR_CHECK_OK(place_.Now());
  MR_TRY(const auto info, parts_.log.Stream(subscriber.feed->stream()));
  subscriber.ready_at = info.next;
  return {};
}

bool CatchUp::SendReady(Subscriber& subscriber) {
  if (!subscriber.ready_at || subscriber.offset < *subscriber.ready_at) return true;
  Message message(Kind::kReady, subscriber.wanted.view->Id(subscriber.version), "{}");
  if (!Send(subscriber, message)) return false;
  subscriber.ready_at.reset();
  return true;
}

// Log ----------------------------------------------------------------------------------

Result<CatchUp::Next> CatchUp::ReadLog(const SubscriberPtr& subscriber) {
  if (!SendReady(*subscriber)) return Next::kPark;
  MR_TRY(const auto batch, parts_.log.Read(subscriber->feed->stream(), subscriber->offset,
                                           kEventsAStep, kBytesAStep));
  if (batch.empty()) {
    return subscriber->feed->Join(subscriber) ? Next::kDone : Next::kAgain;
  }
  for (const auto& record : batch.records()) {
    if (!SendReady(*subscriber)) return Next::kPark;
    MR_TRY(const bool sent, SendEvent(*subscriber, record));
    if (!sent) return Next::kPark;
    subscriber->offset = record.offset + 1;
  }
  return Next::kAgain;
}

Result<bool> CatchUp::SendEvent(Subscriber& subscriber, const eventlog::Record& record) {
  MR_TRY(const auto event, change::ParseEnvelope(record.body));
  if (event.version <= subscriber.version) return true;
  EventMessages messages(event, subscriber.feed->collection());
  auto* message = messages.For(*subscriber.wanted.view);
  if (message != nullptr && !Send(subscriber, *message)) return false;
  subscriber.version = event.version;
  return true;
}

}  // namespace millrace::live
