#include "trace_event.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/bytes.hpp"
#include "change/envelope.hpp"
#include "records_embedded/embedded_records.hpp"

namespace millrace::app {
namespace {

/// Reads records.db beside a server, too.
using Records = std::unique_ptr<records::RecordsReader>;

/// "orders@17".
struct LogPlace {
  std::string stream;
  Offset offset = 0;
};

std::optional<LogPlace> ParsePlace(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return {};
  LogPlace place{std::string(text.substr(0, at)), 0};
  const auto digits = text.substr(at + 1);
  const auto read =
      std::from_chars(digits.data(), digits.data() + digits.size(), place.offset);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return {};
  return place;
}

class Finder {
 public:
  Finder(const TraceStores& stores, const TraceQuestion& question)
      : stores_(stores), question_(question) {}

  Result<std::vector<TracedEvent>> Run() {
    MR_CHECK_OK(OpenRecords());
    MR_TRY(auto events, Find());
    for (auto& event : events) MR_CHECK_OK(LookAtRecord(event));
    return events;
  }

 private:
  Status OpenRecords() {
    if (auto records = records::RecordsReader::Open(stores_.data)) {
      records_ = std::move(*records);
      MR_TRY(source_, records_->Source());
    } else if (records.error().code() != ErrorCode::kNotFound) {
      return Fail(std::move(records).error());
    }
    return {};
  }

  Result<std::vector<TracedEvent>> Find() {
    if (const auto id = ParseEventId(question_.id)) {
      MR_TRY(auto event, ById(*id, question_.collection));
      return std::vector{std::move(event)};
    }
    if (const auto place = ParsePlace(question_.id)) {
      MR_TRY(const auto info, stores_.log.Stream({"", place->stream}));
      if (info.next > 0) {
        MR_TRY(auto event, ByPlace(*place, info));
        return std::vector{std::move(event)};
      }
    }
    return ByKey();
  }

  Status LookAtRecord(TracedEvent& event) {
    if (!records_ || event.id.source != source_ || event.key.empty()) return {};
    const auto stored = records_->Get(event.tenant, event.collection, event.key);
    if (!stored && stored.error().code() != ErrorCode::kNotFound) {
      return Fail(stored.error());
    }
    if (stored) event.newest = stored->version;
    const bool same = stored && stored->version.epoch == event.id.version.epoch &&
                      stored->version.position == event.id.version.position;
    event.record = !stored ? "deleted" : same ? "newest" : "changed";
    return {};
  }

  Result<TracedEvent> ById(const EventId& id, const std::string& collection) {
    TracedEvent event;
    event.id = id;
    bool gone = false;
    MR_TRY(const auto streams, stores_.log.Streams());
    for (const auto& info : streams) {
      if (!collection.empty() && info.stream.name != collection) continue;
      auto batch = stores_.log.Find(info.stream, id.source, id.position());
      if (!batch && batch.error().code() == ErrorCode::kOutOfRange) {
        gone = true;
        continue;
      }
      if (!batch) return Fail(std::move(batch).error());
      for (const auto& record : batch->records()) {
        if (Matches(info.stream.name, record, event)) return event;
      }
    }
    MR_TRY(const bool committed, InRecords(event));
    if (committed) return event;
    if (gone) {
      event.log = "gone";
      return event;
    }
    return NotLogged(std::move(event));
  }

  /// Takes over what the event says if it is the one.
  static bool Matches(const std::string& stream, const eventlog::Record& record,
                      TracedEvent& event) {
    const auto parsed = change::ParseEnvelope(record.body);
    // A declared stream is its own source, and its events need no envelope.
    const bool placed =
        stream == event.id.source && record.offset + 1 == event.id.version.position;
    const bool named = parsed && parsed->source == event.id.source &&
                       parsed->version.epoch == event.id.version.epoch &&
                       parsed->version.position == event.id.version.position;
    if (!placed && !named) return false;
    event.stream = stream;
    event.offset = record.offset;
    if (parsed) Describe(*parsed, event);
    return true;
  }

  static void Describe(const change::Event& from, TracedEvent& event) {
    event.tenant = from.tenant;
    event.collection = from.collection;
    event.key = from.key;
    event.op = from.op;
    event.operation = from.operation;
    event.accepted_at = from.committed_at;
  }

  /// Whether the change feed still has it, since the log does not.
  Result<bool> InRecords(TracedEvent& event) {
    if (!records_ || event.id.source != source_) return false;
    MR_TRY(const auto batch, records_->ChangeAt(event.id.position()));
    if (!batch) return false;
    const auto& change = batch->changes.front();
    event.tenant = change.tenant;
    event.stream = event.collection = change.collection;
    event.key = change.key;
    event.op = change.operation == records::Operation::kDelete   ? 'd'
               : change.operation == records::Operation::kInsert ? 'c'
                                                                 : 'u';
    event.operation = records::ToString(change.operation);
    event.accepted_at = change.committed_at;
    event.log = "waiting";
    return true;
  }

  Result<TracedEvent> NotLogged(TracedEvent event) {
    if (records_ && event.id.source == source_ && question_.collection.empty()) {
      MR_TRY(const auto end, records_->End());
      if (event.id.position() <= end && event.id.version.position > 0) {
        event.log = "missing";
        return event;
      }
    }
    return Fail(ErrorCode::kNotFound,
                "no event " + event.id.ToString() + " in the log or the record store");
  }

  Result<TracedEvent> ByPlace(const LogPlace& place, const eventlog::StreamInfo& info) {
    if (place.offset >= info.next) {
      return Fail(ErrorCode::kNotFound,
                  place.stream + " ends at offset " + std::to_string(info.next));
    }
    TracedEvent event;
    event.stream = place.stream;
    event.offset = place.offset;
    if (place.offset < info.first) {
      event.log = "gone";
      return event;
    }
    MR_TRY(const auto batch, stores_.log.Read(info.stream, place.offset, 1, 1));
    // Without a readable envelope its id is its place, as in the dead letters.
    if (const auto parsed = change::ParseEnvelope(batch.records().front().body)) {
      event.id = {std::string(parsed->source), parsed->version};
      Describe(*parsed, event);
    }
    return event;
  }

  Result<std::vector<TracedEvent>> ByKey() {
    std::vector<std::string> collections;
    if (records_) {
      MR_TRY(collections, records_->Tables());
    }
    auto key = question_.id;
    auto only = question_.collection;
    const auto slash = key.find('/');
    if (only.empty() && slash != std::string::npos &&
        std::ranges::find(collections, key.substr(0, slash)) != collections.end()) {
      only = key.substr(0, slash);
      key.erase(0, slash + 1);
    }
    std::vector<TracedEvent> events;
    for (const auto& collection : collections) {
      if (!only.empty() && collection != only) continue;
      MR_TRY(const auto tenants, TenantsOf(collection));
      for (const auto& tenant : tenants) {
        MR_TRY(const auto version, NewestOf(tenant, collection, key));
        if (!version) continue;
        MR_TRY(auto event, ById({source_, *version}, collection));
        // Where retention has passed it, the event itself does not tell.
        event.tenant = tenant;
        event.stream = event.collection = collection;
        event.key = key;
        events.push_back(std::move(event));
      }
    }
    if (events.empty()) {
      MR_TRY(events, ByLetters(only, key));
    }
    if (!events.empty()) return events;
    return Fail(ErrorCode::kNotFound,
                "no record " + Excerpt(key) +
                    (only.empty() ? " in any collection" : " in collection " + only) +
                    ", no table and no dead letter knows it, and it is not an event id; "
                    "an event of a stream is found by STREAM@OFFSET, as the answer to "
                    "its POST said");
  }

  /// A stream's events have keys only where they are refused.
  Result<std::vector<TracedEvent>> ByLetters(const std::string& stream,
                                             const std::string& key) {
    constexpr std::uint32_t kMost = 100;
    std::vector<TracedEvent> events;
    if (stores_.state == nullptr || key.empty()) return events;
    pipeline::DeadLetterFilter filter;
    filter.key = key;
    filter.state = "all";
    filter.limit = kMost;
    MR_TRY(const auto page, stores_.state->letters().List(filter));
    std::set<std::pair<std::string, Offset>> places;
    for (const auto& letter : page.letters) {
      if (!stream.empty() && letter.stream != stream) continue;
      MR_TRY(const auto info, stores_.log.Stream({"", letter.stream}));
      // A letter of a snapshot has its place in that, not in the log.
      if (letter.offset >= info.next) continue;
      if (!places.emplace(letter.stream, letter.offset).second) continue;
      MR_TRY(auto event, ByPlace({letter.stream, letter.offset}, info));
      events.push_back(std::move(event));
    }
    return events;
  }

  /// Those that the log has changes of; none ("") first.
  Result<std::vector<std::string>> TenantsOf(const std::string& collection) {
    MR_TRY(const auto streams, stores_.log.Streams());
    std::vector<std::string> tenants{""};
    for (const auto& info : streams) {
      if (info.stream.name == collection && !info.stream.tenant.empty())
        tenants.push_back(info.stream.tenant);
    }
    return tenants;
  }

  /// The record's, or that of a table's tombstone where the record was deleted.
  Result<std::optional<Version>> NewestOf(const std::string& tenant,
                                          const std::string& collection,
                                          const std::string& key) {
    auto stored = records_->Get(tenant, collection, key);
    if (stored) return stored->version;
    if (stored.error().code() != ErrorCode::kNotFound) {
      return Fail(std::move(stored).error());
    }
    MR_TRY(const auto pipelines, stores_.pipelines());
    std::optional<Version> newest;
    for (const auto& pipeline : pipelines) {
      if (pipeline.stream != collection) continue;
      for (const auto& sink : pipeline.sinks) {
        if (!sink.name.starts_with("table.")) continue;
        const auto found =
            stores_.warehouse.FindKey(sink.name.substr(6), key, Deadline::Never());
        // A table that is not there, or whose key is no such value, knows nothing of it.
        if (found && *found && (!newest || (*found)->version > *newest)) {
          newest = (*found)->version;
        }
      }
    }
    return newest;
  }

  const TraceStores& stores_;
  const TraceQuestion& question_;
  Records records_;
  std::string source_;
};

}  // namespace

std::string EventId::ToString() const {
  std::string out;
  AppendEventId(out, source, version);
  return out;
}

std::optional<EventId> ParseEventId(std::string_view text) {
  constexpr std::size_t kTail = 1 + 8 + 1 + 16;
  if (text.size() <= kTail) return {};
  const auto tail = text.substr(text.size() - kTail);
  if (tail[0] != ':' || tail[9] != ':') return {};
  const auto epoch = ParseHex(tail.substr(1, 8)), position = ParseHex(tail.substr(10));
  if (!epoch || !position) return {};
  return EventId{std::string(text.substr(0, text.size() - kTail)),
                 {static_cast<std::uint32_t>(*epoch), *position, 0}};
}

Result<std::vector<TracedEvent>> FindEvents(const TraceStores& stores,
                                            const TraceQuestion& question) {
  return Finder(stores, question).Run();
}

}  // namespace millrace::app
