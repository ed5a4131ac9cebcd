#include "verify_narrow.hpp"

#include <algorithm>
#include <unordered_map>

#include "base/bytes.hpp"
#include "trace_event.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kMostNamed = 10;
constexpr std::size_t kMostItems = 1'000'000;

using Items = std::vector<RowItem>;

/// Where the items of another position begin.
Items::const_iterator PastPosition(Items::const_iterator at, const Items& items) {
  const auto position = at->position;
  while (at != items.end() && at->position == position) ++at;
  return at;
}

}  // namespace

void NameDifferences(Items expected, Items found, const NameOfRow& name_of,
                     Finding& finding) {
  std::ranges::sort(expected);
  std::ranges::sort(found);
  const auto name = [&](std::vector<std::string>& list, std::uint64_t position) {
    if (list.size() == kMostNamed) return;
    list.push_back(name_of(position));
  };
  auto want = expected.cbegin();
  auto have = found.cbegin();
  while (want != expected.cend() || have != found.cend()) {
    if (have == found.cend() ||
        (want != expected.cend() && want->position < have->position)) {
      name(finding.missing, (want++)->position);
    } else if (want == expected.cend() || have->position < want->position) {
      name(finding.doubled, (have++)->position);
    } else {
      const auto want_end = PastPosition(want, expected);
      const auto have_end = PastPosition(have, found);
      const auto wanted = want_end - want, had = have_end - have;
      if (had > wanted) name(finding.doubled, want->position);
      if (had < wanted) name(finding.missing, want->position);
      if (had == wanted && !std::equal(want, want_end, have)) {
        name(finding.altered, want->position);
      }
      want = want_end;
      have = have_end;
    }
  }
}

void DropPairs(Items& wanted, Items& have) {
  std::unordered_map<std::uint64_t, std::uint64_t> left;
  for (const auto& item : have) ++left[item.hash];
  std::erase_if(wanted, [&](const RowItem& item) {
    auto& count = left[item.hash];
    if (count == 0) return false;
    --count;
    return true;
  });
  have.clear();
}

NameOfRow Narrowing::Names() const {
  return [this](std::uint64_t position) {
    return EventId{source, {epoch, position, 0}}.ToString();
  };
}

Result<Offset> Narrowing::Begin(const eventlog::StreamInfo& info, const Slice& slice) {
  // Positions of a declared stream are its offsets + 1.
  if (declared) return std::max<Offset>(info.first, slice.after);
  const auto batch = stores.log().Find(info.stream, source, {epoch, slice.after + 1});
  if (!batch && batch.error().code() == ErrorCode::kOutOfRange) return info.first;
  if (!batch) return Fail(batch.error());
  return batch->empty() ? info.next : batch->records().front().offset;
}

Status Narrowing::Lake(const lake::LakeExtent& extent, const Refused& refused,
                       Finding& finding) {
  const auto& slice = finding.slice;
  MR_TRY(const auto begin, Begin(stream, slice));
  Items expected;
  MR_CHECK_OK(ForEachEvent(stores.log(), stream.stream, std::max(begin, extent.begin),
                           extent.next, [&](const change::Event* event, Offset offset) {
                             if (event == nullptr || event->version.position > slice.upto)
                               return;
                             const auto hashed = HashEvent(*event, offset, slices);
                             if (hashed.position <= slice.after ||
                                 refused.HasPosition(hashed.position)) {
                               return;
                             }
                             if (expected.size() < kMostItems) {
                               expected.push_back({hashed.position, hashed.members});
                             }
                           }));
  MR_TRY(auto answer, stores.AskLake({extent.files, columns, slice}, slices));
  NameDifferences(std::move(expected), std::move(answer.items), Names(), finding);
  return {};
}

Result<Items> Narrowing::State(Offset next, std::uint64_t upto, const Slice& slice,
                               const Refused& refused) {
  NewestPerKey newest(slices.size());
  MR_CHECK_OK(ForEachEvent(stores.log(), stream.stream, stream.first, next,
                           [&](const change::Event* event, Offset offset) {
                             if (event == nullptr || event->version.position > upto ||
                                 refused.HasPosition(event->version.position)) {
                               return;
                             }
                             const auto hashed = HashEvent(*event, offset, slices);
                             newest.Add(hashed.key, hashed.entry());
                           }));
  MR_CHECK_OK(stores.ForEachSent(refused, slices, [&](const HashedEvent& event) {
    newest.Add(event.key, event.entry());
  }));
  Items items;
  for (const auto& [key, entry] : newest.entries()) {
    const auto position = entry.version.position;
    const bool inside = position > slice.after && position <= slice.upto;
    const bool skipped = std::ranges::binary_search(refused.dropped_keys, key);
    if (inside && !entry.deleted && !skipped && items.size() < kMostItems) {
      items.push_back({position, entry.state});
    }
  }
  return items;
}

Status Narrowing::Table(const std::string& table,
                        const pipeline::StoredPipeline& pipeline, const std::string& sink,
                        Finding& finding) {
  const std::pair slice(finding.slice.after, finding.slice.upto);
  MR_TRY(auto asked,
         stores.AskTable({table, columns, {}, {}, slice, false}, pipeline, sink));
  MR_TRY(auto expected,
         State(asked.answer.next.value_or(0), UINT64_MAX, finding.slice, asked.refused));
  NameDifferences(std::move(expected), std::move(asked.answer.items), Names(), finding);
  return {};
}

Status Narrowing::Records(Finding& finding) {
  MR_TRY(const auto end, stores.RecordsEnd());
  MR_TRY(auto found, stores.ListRecords(stream.stream, finding.slice));
  MR_TRY(const auto now, stores.log().Stream(stream.stream));
  MR_TRY(auto expected, State(now.next, end.low, finding.slice, {}));
  NameDifferences(std::move(expected), std::move(found), Names(), finding);
  return {};
}

Status Narrowing::Log(Finding& finding) {
  MR_TRY(const auto end, stores.RecordsEnd());
  MR_TRY(const auto streams, stores.log().Streams());
  Items found;
  for (const auto& info : streams) {
    MR_TRY(const auto begin, Begin(info, finding.slice));
    MR_CHECK_OK(ForEachEvent(stores.log(), info.stream, begin, info.next,
                             [&](const change::Event* event, Offset) {
                               if (event == nullptr || event->source != source) return;
                               const auto position = event->version.position;
                               if (position > finding.slice.after &&
                                   position <= finding.slice.upto &&
                                   found.size() < kMostItems) {
                                 found.push_back({position, 0});
                               }
                             }));
  }
  // Positions of a record store have no gaps, whichever collection they belong to.
  std::uint64_t last = 0;
  for (const auto& item : found) last = std::max(last, item.position);
  Items expected;
  const auto upto = std::min({finding.slice.upto, end.low, last});
  for (auto at = finding.slice.after + 1; at <= upto && expected.size() < kMostItems;
       ++at) {
    expected.push_back({at, 0});
  }
  NameDifferences(std::move(expected), std::move(found), Names(), finding);
  return {};
}

}  // namespace millrace::app
