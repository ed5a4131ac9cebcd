#include "lookup_state.hpp"

#include <algorithm>
#include <limits>

#include "base/failpoint.hpp"
#include "change/envelope.hpp"
#include "schema/record_codec.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::uint32_t kRecords = 5000;
constexpr std::uint64_t kBytes = 8u << 20u;
/// Events after which the state is made durable, so that the log can let go of them.
constexpr std::uint64_t kCheckpointEvents = 50'000;
/// Events that a state may be behind while nobody looks anything up.
constexpr Offset kFarBehind = 10'000;
constexpr std::uint64_t kSweepVersions = 50'000;

std::string Definition(const schema::Collection& collection,
                       const std::vector<std::size_t>& on) {
  std::string text;
  const schema::Columns document = collection.DocumentColumns();
  for (const std::size_t column : on) {
    text += document[column].name + " " + document[column].type.ToString() + "\n";
  }
  return text;
}

}  // namespace

std::string LookupName(const schema::Collection& collection,
                       const std::vector<std::size_t>& on) {
  std::string name = collection.name + "_";
  const schema::Columns document = collection.DocumentColumns();
  // '-' stands in no field's name, so two sets of columns never share a file.
  char separator = '_';
  for (const std::size_t column : on) {
    name += separator + document[column].name;
    separator = '-';
  }
  return name;
}

LookupState::LookupState(schema::Collection collection, std::vector<std::size_t> on,
                         std::vector<std::size_t> columns, LookupServices services)
    : collection_(std::move(collection)),
      on_(std::move(on)),
      columns_(std::move(columns)),
      services_(std::move(services)),
      name_(LookupName(collection_, on_)),
      stream_{"", collection_.name},
      cache_(services_.cache_bytes),
      key_decoder_(collection_, on_),
      row_decoder_(collection_, columns_) {}

Status LookupState::Open() {
  const std::lock_guard lock(mutex_);
  MR_TRY(store_, LookupStore::Open(services_.directory / (name_ + ".db"),
                                   Definition(collection_, on_)));
  MR_TRY(const auto info, services_.log.Stream(stream_));
  if (store_.next() > info.next) {
    return Fail(ErrorCode::kDataLoss, "source_went_back: lookup " + name_ + " is at " +
                                          std::to_string(store_.next()) +
                                          ", its stream ends at " +
                                          std::to_string(info.next));
  }
  all_cached_ = store_.empty();
  services_.retention.SetReader("lookup/" + name_, stream_, store_.next());
  return {};
}

std::size_t LookupState::SlotOf(std::size_t column) const {
  return static_cast<std::size_t>(std::ranges::find(columns_, column) - columns_.begin());
}

void LookupState::AddUser(const std::string& user) {
  const std::lock_guard lock(mutex_);
  users_.try_emplace(user);
}

Status LookupState::SetUser(const std::string& user, const LookupUser& at) {
  const std::lock_guard lock(mutex_);
  LookupUser& known = users_[user].emplace(at);
  if (!known.low) known.low = store_.collected();
  if (*known.low >= store_.collected()) return {};
  services_.logger.Info("lookup is built again: a pipeline starts before what it holds",
                        {{"lookup", name_}, {"pipeline", user}});
  cache_.Clear();
  complete_ = {};
  MR_CHECK_OK(store_.Clear(0));
  all_cached_ = true;
  return {};
}

void LookupState::RemoveUser(const std::string& user) {
  const std::lock_guard lock(mutex_);
  users_.erase(user);
}

Version LookupState::LowWater() const {
  std::optional<Version> low;
  for (const auto& [user, at] : users_) {
    const Version its = at ? at->low.value_or(Version{}) : Version{};
    low = low ? std::min(*low, its) : its;
  }
  return low.value_or(Version{});
}

void LookupState::RaiseIdleUsers(Position mark) {
  // What a lane that is at the end of its stream reads next is newer than the mark, which
  // was asked for before that end.
  const Version low{static_cast<std::uint32_t>(mark.high), mark.low,
                    std::numeric_limits<std::uint32_t>::max()};
  for (auto& [user, at] : users_) {
    if (!at || *at->low >= low) continue;
    const auto info = services_.log.Stream(at->stream);
    if (info && info->next == at->committed) at->low = low;
  }
}

Status LookupState::CatchUp(Position position) {
  const std::lock_guard lock(mutex_);
  if (complete_ >= position) return {};
  return Consume();
}

Status LookupState::CatchUpToEnd() {
  const std::lock_guard lock(mutex_);
  return Consume();
}

void LookupState::StartFeeding() {
  feeder_ = std::jthread([this](const std::stop_token& stop) { Feed(stop); });
}

void LookupState::Feed(const std::stop_token& stop) {
  for (auto pause = services_.first_retry;;) {
    Offset next = 0;
    {
      const std::lock_guard lock(mutex_);
      next = store_.next();
    }
    if (!services_.log.WaitFor(stream_, next + kFarBehind, Deadline::Never())) return;
    const auto fed = CatchUpToEnd();
    if (fed) {
      pause = services_.first_retry;
      continue;
    }
    // The lane that needs it meets the same error, and says so.
    services_.logger.Warn("lookup stays behind",
                          {{"lookup", name_}, {"why", fed.error()}});
    if (!fed.error().retryable()) return;
    std::unique_lock lock(mutex_);
    const auto stopped = [&stop] { return stop.stop_requested(); };
    if (stopping_.wait_for(lock, stop, pause, stopped)) return;
    pause = std::min(2 * pause, services_.last_retry);
  }
}

Status LookupState::Consume() {
  // Asked before the end: what the mark promises is in the stream by then.
  const Position mark = services_.mark.Get();
  RaiseIdleUsers(mark);
  MR_TRY(const auto info, services_.log.Stream(stream_));
  log_is_cut_ = info.first > 0;
  if (store_.next() < info.first) MR_CHECK_OK(Refill(info.first));
  while (store_.next() < info.next) {
    auto batch = services_.log.Read(stream_, store_.next(), kRecords, kBytes);
    if (!batch && batch.error().code() == ErrorCode::kOutOfRange) {
      return Fail(ErrorCode::kUnavailable, "lookup " + name_ + ": the log dropped " +
                                               "what it was to read: it is built again");
    }
    if (!batch)
      return std::unexpected(std::move(batch).error().During("lookup " + name_));
    if (batch->empty()) break;
    MR_CHECK_OK(store_.Begin());
    auto applied = Apply(*batch);
    if (applied) {
      MR_FAIL_POINT("lookups.before_commit");
      applied = store_.Commit(batch->next(), LowWater());
      MR_FAIL_POINT("lookups.after_commit");
    }
    if (!applied) {
      store_.Rollback();
      cache_.Clear();  // it has seen what the store has not
      all_cached_ = false;
      return std::unexpected(std::move(applied).error().During("lookup " + name_));
    }
    unsynced_ += batch->records().size();
    if (unsynced_ >= kCheckpointEvents) MR_CHECK_OK(CheckpointLocked());
  }
  complete_ = std::max(complete_, mark);
  return {};
}

Status LookupState::Apply(const eventlog::RecordBatch& batch) {
  for (const eventlog::Record& record : batch.records()) MR_CHECK_OK(ApplyEvent(record));
  const Version low = LowWater();
  if (stale_ < kSweepVersions || low == Version{}) return {};
  stale_ = 0;
  return store_.CollectAll(low);
}

Result<bool> LookupState::KeyOf(std::string_view document, const eventlog::Record& record,
                                std::string& key) {
  key.clear();
  if (document.empty()) return false;
  if (const auto drift = key_decoder_.Decode(document)) {
    MR_CHECK_OK(Refuse(record, drift->reason));
    return false;
  }
  return std::ranges::all_of(key_decoder_.values(),
                             [&](const Value& value) { return AppendKey(key, value); });
}

Status LookupState::ApplyEvent(const eventlog::Record& record) {
  const auto event = change::ParseEnvelope(record.body);
  if (!event) return Refuse(record, event.error().message());
  MR_TRY(const bool had, KeyOf(event->before, record, old_key_));
  if (had && log_is_cut_) MR_CHECK_OK(PutBefore(*event));
  const std::string_view after = event->op == 'd' ? std::string_view() : event->after;
  MR_TRY(const bool has, KeyOf(after, record, key_));
  // The record left its old key: whoever asks there from now on finds nothing.
  if (had && (!has || old_key_ != key_)) {
    MR_CHECK_OK(PutVersion(old_key_, event->version, {}, false));
  }
  if (!has) return {};
  return PutVersion(key_, event->version, after, event->op == 'c');
}

Status LookupState::PutVersion(std::string_view key, const Version& version,
                               std::string_view document, bool first) {
  MR_CHECK_OK(store_.Put(key, version, document));
  const Version low = LowWater();
  if (!first) {
    ++stale_;
    if (low != Version{}) MR_CHECK_OK(store_.Collect(key, low));
  }
  LookupCache::Entry* entry = cache_.Find(key);
  if (entry == nullptr && all_cached_ && cache_.complete()) {
    entry = &cache_.Insert(key, {});
  }
  if (entry == nullptr) return {};
  if (!entry->rows.empty() && entry->rows.back().version() > version) {
    cache_.Drop(*entry);  // it knows a record that the log has yet to come to
  } else {
    cache_.Add(*entry, Decode(version, document), low);
  }
  return {};
}

LookupRow LookupState::Decode(const Version& version, std::string_view document) {
  if (document.empty()) return LookupRow(version);
  auto drift = row_decoder_.Decode(Pad(document));
  if (drift) return LookupRow::Broken(version, std::move(drift->reason));
  return LookupRow(version, row_decoder_.values());
}

Status LookupState::Refuse(const eventlog::Record& record, std::string reason) {
  services_.logger.Error("lookup cannot use a change",
                         {{"lookup", name_}, {"offset", record.offset}, {"why", reason}});
  DeadLetter letter;
  letter.pipeline = "lookup/" + name_;
  letter.stream = stream_.name;
  letter.offset = record.offset;
  letter.event_id = stream_.name + "@" + std::to_string(record.offset);
  letter.stage = "lookup";
  letter.reason = std::move(reason);
  letter.payload = record.body;
  letter.at = SystemClock().Now();
  MR_CHECK_OK(services_.state.letters().Put({letter}));
  return {};
}

Result<const LookupRow*> LookupState::Find(std::string_view key, const Version& version,
                                           bool now) {
  LookupCache::Entry* entry = cache_.Find(key);
  if (entry == nullptr && !(all_cached_ && cache_.complete())) {
    std::vector<LookupRow> rows;
    MR_CHECK_OK(store_.Load(key, [&](const Version& at, std::string_view document) {
      rows.push_back(Decode(at, document));
    }));
    entry = &cache_.Insert(key, std::move(rows));
  }
  if (entry == nullptr) return nullptr;
  for (auto row = entry->rows.rbegin(); row != entry->rows.rend(); ++row) {
    if (now || row->version() <= version) return row->exists() ? &*row : nullptr;
  }
  return nullptr;
}

Status LookupState::CheckpointLocked() {
  const Offset next = store_.next();
  MR_CHECK_OK(store_.MakeDurable());
  unsynced_ = 0;
  services_.retention.SetReader("lookup/" + name_, stream_, next);
  return {};
}

Status LookupState::Checkpoint() {
  const std::lock_guard lock(mutex_);
  return CheckpointLocked();
}

}  // namespace millrace::pipeline
