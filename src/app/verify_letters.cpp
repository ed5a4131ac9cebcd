#include "verify_letters.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "pipeline/snapshots.hpp"
#include "table_sums.hpp"

namespace millrace::app {
namespace {

using pipeline::LetterState;

template <typename T>
void SortUnique(std::vector<T>& list) {
  std::ranges::sort(list);
  const auto again = std::ranges::unique(list);
  list.erase(again.begin(), again.end());
}

/// False: its event went through after all, or the sink that is built anew has not come
/// to it, where going through is all that leaves a letter as it is.
bool IsRefused(const pipeline::DeadLetter& letter) {
  return letter.state != LetterState::kRebuilt &&
         letter.state != LetterState::kRebuilding;
}

bool IsSent(const pipeline::DeadLetter& letter) {
  using enum LetterState;
  return letter.resent && (letter.state == kSent || letter.state == kApplied ||
                           letter.state == kSuperseded);
}

void AddLetter(const pipeline::DeadLetter& letter, const std::string& snapshots,
               Refused& refused) {
  refused.last_id = letter.id;
  if (!IsRefused(letter)) return;
  refused.ids.push_back(letter.id);
  SentLetter sent{letter.resent.value_or(0),  letter.id, letter.offset,
                  letter.stream == snapshots, 0,         0};
  (sent.of_snapshot ? refused.of_snapshot : refused.offsets).push_back(letter.offset);
  // One that cannot be read is no change of any key.
  if (const auto version = Version::Parse(letter.version)) {
    std::string key;
    AppendJsonString(key, letter.key);
    sent.position = version->position;
    sent.key = KeyHash(key);
    refused.positions.push_back(sent.position);
    refused.keys.push_back(sent.key);
  }
  if (IsSent(letter)) refused.sent.push_back(sent);
}

}  // namespace

bool Refused::HasPosition(std::uint64_t position) const {
  return std::ranges::binary_search(positions, position);
}

bool Refused::HasKey(std::uint64_t key) const {
  return std::ranges::binary_search(keys, key);
}

void Refused::Settle(Offset first, Offset next) {
  const auto begin = std::ranges::lower_bound(sent, first, {}, &SentLetter::place);
  for (auto at = sent.begin(); at != begin; ++at) {
    dropped_keys.push_back(at->key);
    dropped_offsets.push_back(at->offset);
  }
  sent.erase(sent.begin(), begin);
  const auto end = std::ranges::lower_bound(sent, next, {}, &SentLetter::place);
  waiting = static_cast<std::uint64_t>(sent.end() - end);
  sent.erase(end, sent.end());
  SortUnique(dropped_keys);
  SortUnique(dropped_offsets);
}

bool Refused::IsAfter(const Refused& before) const {
  const auto known = std::ranges::upper_bound(ids, before.last_id);
  return std::equal(ids.begin(), known, before.ids.begin(), before.ids.end());
}

Result<Refused> ReadRefused(pipeline::StateDb& state,
                            const pipeline::StoredPipeline& pipeline,
                            const std::string& sink) {
  Refused refused;
  const auto snapshots = pipeline::SnapshotStream(pipeline.name);
  pipeline::DeadLetterFilter filter;
  filter.pipeline = pipeline.name;
  filter.sink = sink;
  filter.limit = 10'000;
  filter.state = "all";
  do {
    MR_TRY(const auto page, state.letters().List(filter));
    for (const auto& letter : page.letters) AddLetter(letter, snapshots, refused);
    filter.cursor = page.next_cursor;
  } while (!filter.cursor.empty());
  SortUnique(refused.positions);
  SortUnique(refused.keys);
  SortUnique(refused.offsets);
  SortUnique(refused.of_snapshot);
  std::ranges::sort(refused.sent, {}, &SentLetter::place);
  return refused;
}

}  // namespace millrace::app
