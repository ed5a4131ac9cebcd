#include "redrive_source.hpp"

#include <limits>

#include "base/failpoint.hpp"
#include "redrive_entry.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::uint32_t kResolvedAtOnce = 5'000;

RecordState StateOf(const DeadLetter& letter) {
  const auto version = Version::Parse(letter.version);
  // Without a version nothing can be newer.
  constexpr auto kNewest = std::numeric_limits<std::uint32_t>::max();
  return {letter.key, version ? *version : Version{kNewest, ~std::uint64_t{0}, kNewest}};
}

}  // namespace

Result<std::vector<eventlog::Record>> RedriveSource::Take(eventlog::RecordBatch& batch) {
  taken_.clear();
  const Offset from = batch.records().front().offset;
  MR_TRY(const auto sent, letters_.Sent(pipeline_, sink_, from, batch.next()));
  std::map<Offset, eventlog::Record> ordered;
  for (const auto& [place, id] : sent) {
    const auto entry = ParseRedriveEntry(batch.records()[place - from].body);
    if (!entry || entry->letter != id) {
      return Fail(ErrorCode::kDataLoss, RedriveStream(pipeline_) + " at " +
                                            std::to_string(place) + " is not letter " +
                                            std::to_string(id));
    }
    if (taken_.contains(entry->offset)) {
      batch.Limit(static_cast<std::uint32_t>(place - from),
                  std::numeric_limits<std::uint64_t>::max());
      break;
    }
    taken_[entry->offset] = id;
    ordered[entry->offset] = {entry->offset, entry->event};
  }
  std::vector<eventlog::Record> records;
  for (const auto& [offset, record] : ordered) records.push_back(record);
  return records;
}

Status RedriveSource::Learn(const std::map<Offset, RecordState>& became) {
  std::vector<DeadLetter> letters;
  for (const auto& [offset, record] : became) {
    DeadLetter& letter = letters.emplace_back();
    letter.id = taken_.at(offset);
    letter.key = record.key;
    letter.version = record.version.ToHex();
  }
  return letters_.SetRecords(letters);
}

Status RedriveSource::Reopen(std::vector<DeadLetter> died) {
  if (died.empty()) return {};
  for (DeadLetter& letter : died) letter.id = taken_.at(letter.offset);
  MR_FAIL_POINT("redrive.before_reopen");
  MR_CHECK_OK(letters_.Reopen(died));
  MR_FAIL_POINT("redrive.after_reopen");
  return {};
}

Result<RedriveSource::Resolved> RedriveSource::Resolve(Offset from, Offset committed,
                                                       Sink& sink) {
  Resolved resolved;
  while (true) {
    MR_TRY(const auto letters,
           letters_.SentBelow(pipeline_, sink_, from, committed, kResolvedAtOnce));
    if (letters.empty()) return resolved;
    std::vector<RecordState> states;
    for (const DeadLetter& letter : letters) states.push_back(StateOf(letter));
    MR_TRY(const auto superseded, sink.Superseded(states));
    std::vector<std::int64_t> applied, late;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      (superseded[i] ? late : applied).push_back(letters[i].id);
    }
    MR_FAIL_POINT("redrive.before_resolve");
    MR_CHECK_OK(letters_.Resolve(applied, LetterState::kApplied));
    MR_FAIL_POINT("redrive.in_resolve");
    MR_CHECK_OK(letters_.Resolve(late, LetterState::kSuperseded));
    MR_FAIL_POINT("redrive.after_resolve");
    resolved.applied += applied.size();
    resolved.superseded += late.size();
  }
}

}  // namespace millrace::pipeline
