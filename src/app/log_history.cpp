#include "log_history.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace millrace::app {
namespace {

constexpr std::uint32_t kReadRecords = 10'000;
constexpr std::uint64_t kReadBytes = 8u << 20u;
constexpr std::size_t kMostRepeated = 10;

}  // namespace

change::Sum NewestPerKey::SumOf(const Entry& entry) {
  if (entry.deleted) return {};
  return {1, Hash64("state", entry.state)};
}

void NewestPerKey::Add(std::uint64_t key, const Entry& entry) {
  auto& known = entries_[key];
  if (known.version > entry.version) return;
  sums_[known.slice] = Minus(sums_[known.slice], SumOf(known));
  known = entry;
  sums_[known.slice] = Plus(sums_[known.slice], SumOf(known));
}

SliceSums NewestPerKey::SumsWithout(const std::vector<std::uint64_t>& keys) const {
  auto sums = sums_;
  for (const auto key : keys) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;
    auto& sum = sums[found->second.slice];
    sum = Minus(sum, SumOf(found->second));
  }
  return sums;
}

HashedEvent HashEvent(const change::Event& event, Offset offset, const SliceMap& slices) {
  HashedEvent out;
  out.offset = offset;
  out.version = event.version;
  out.position = event.version.position;
  out.slice = slices.IndexOf(out.position);
  out.key = KeyHash(event.key_json);
  const auto members = change::HistoryHash(event.image());
  out.members = members.value();
  out.history.AddChange(event.source, event.version, members);
  out.deleted = event.op == 'd';
  if (!out.deleted) out.state = change::StateHash(event.image()).value();
  return out;
}

Status ForEachEvent(eventlog::EventLogReader& log, const StreamId& stream, Offset from,
                    Offset to,
                    const std::function<void(const change::Event*, Offset)>& each) {
  while (from < to) {
    MR_TRY(const auto batch, log.Read(stream, from, kReadRecords, kReadBytes));
    if (batch.empty()) return {};
    for (const auto& record : batch.records()) {
      if (record.offset >= to) return {};
      const auto event = change::ParseEnvelope(record.body);
      each(event ? &*event : nullptr, record.offset);
    }
    from = batch.next();
  }
  return {};
}

Status LogHistory::Read(eventlog::EventLogReader& log, const eventlog::StreamInfo& info) {
  next = info.first;
  for (auto& table : tables) table.growing.resize(slices.size());
  MR_CHECK_OK(ForEachEvent(log, info.stream, info.first, info.next,
                           [this](const change::Event* event, Offset offset) {
                             next = offset;
                             PassTables(offset);
                             next = offset + 1;
                             if (event == nullptr) return void(++unreadable);
                             Add(HashEvent(*event, offset, slices));
                           }));
  PassTables(next);
  return {};
}

/// Tables that stand before the event of `offset` are as the state is now.
void LogHistory::PassTables(Offset offset) {
  for (auto& table : tables) {
    if (table.sums || table.next > offset) continue;
    table.sums = declared ? table.growing : state.SumsWithout(table.refused->keys);
    for (std::size_t i = 0; i < slices.size(); ++i) {
      (*table.sums)[i] = Plus((*table.sums)[i], table.mended.sums()[i]);
    }
  }
}

/// The table was not given the rest.
void LogHistory::AddMended(ExpectedState& table, const HashedEvent& event) {
  const auto& refused = *table.refused;
  if (refused.HasPosition(event.position)) return;
  if (std::ranges::binary_search(refused.dropped_keys, event.key)) return;
  table.mended.Add(event.key, event.entry());
}

void LogHistory::Add(const HashedEvent& event) {
  if (first_position == 0) first_position = event.position;
  if (event.position <= last_position && repeated.size() < kMostRepeated) {
    repeated.push_back(event.position);
  }
  last_position = std::max(last_position, event.position);
  epoch = event.version.epoch;
  if (event.position <= end_of_records) {
    sums[event.slice] = Plus(sums[event.slice], event.history);
  } else if (!at_records_end) {
    at_records_end = state.sums();
  }
  for (auto& lake : lakes) {
    if (event.offset < lake.begin || event.offset >= lake.next) continue;
    if (lake.refused != nullptr && lake.refused->HasPosition(event.position)) continue;
    lake.sums[event.slice] = Plus(lake.sums[event.slice], event.history);
  }
  if (!declared) state.Add(event.key, event.entry());
  for (auto& table : tables) {
    if (table.sums) continue;
    if (table.refused->HasKey(event.key)) {
      AddMended(table, event);
    } else if (declared) {
      auto& sum = table.growing[event.slice];
      sum = Plus(sum, {1, Hash64("state", event.state)});
    }
  }
}

}  // namespace millrace::app
