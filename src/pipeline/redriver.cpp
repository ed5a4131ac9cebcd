#include "redriver.hpp"

#include <algorithm>
#include <limits>

#include "base/failpoint.hpp"
#include "redrive_entry.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kAtOnce = 2'000;
constexpr Offset kEnd = std::numeric_limits<std::int64_t>::max();
/// Who feeds the stream. Its positions are the offsets: after n events it is at {1, n}.
constexpr const char* kSource = "redrive";

Position PositionAt(Offset next) { return next == 0 ? Position{} : Position{1, next}; }

}  // namespace

Status Redriver::Repair(const std::string& pipeline) {
  MR_TRY(const auto info, log_.Stream({"", RedriveStream(pipeline)}));
  return letters_.Unclaim(pipeline, info.next, kEnd);
}

Status Redriver::Send(const std::string& pipeline, const std::vector<std::int64_t>& ids,
                      std::uint64_t run) {
  const std::lock_guard lock(sending_);
  MR_CHECK_OK(Repair(pipeline));
  for (std::size_t at = 0; at < ids.size();) {
    const auto end = std::min(at + kAtOnce, ids.size());
    MR_TRY(auto letters, letters_.Load({ids.begin() + static_cast<std::ptrdiff_t>(at),
                                        ids.begin() + static_cast<std::ptrdiff_t>(end)}));
    if (letters.empty()) break;
    at += letters.size();  // large ones come few at a time
    std::erase_if(letters, [](const DeadLetter& letter) {
      return letter.state != LetterState::kOpen;
    });
    MR_CHECK_OK(SendSome(pipeline, letters, run));
  }
  return {};
}

Status Redriver::SendSome(const std::string& pipeline,
                          const std::vector<DeadLetter>& letters, std::uint64_t run) {
  if (letters.empty()) return {};
  const StreamId stream{"", RedriveStream(pipeline)};
  MR_TRY(const auto info, log_.Stream(stream));
  std::vector<std::int64_t> ids;
  std::vector<std::string> bodies;
  for (const DeadLetter& letter : letters) {
    ids.push_back(letter.id);
    AppendRedriveEntry(bodies.emplace_back(),
                       {letter.id, letter.offset, letter.sink, letter.event()});
  }
  MR_FAIL_POINT("redrive.before_claim");
  MR_CHECK_OK(letters_.Claim(ids, info.next, run));
  MR_FAIL_POINT("redrive.after_claim");
  eventlog::EventBatch batch{
      stream, kSource, PositionAt(info.next), PositionAt(info.next + ids.size()), {}};
  for (const std::string& body : bodies) batch.bodies.emplace_back(body);
  const auto appended = log_.Append(batch, Deadline::Never());
  MR_FAIL_POINT("redrive.after_append");
  if (appended) return {};
  // After an unknown outcome the stream takes nothing more: events that are there all the
  // same belong to letters that are open, and are passed over.
  MR_CHECK_OK(letters_.Unclaim(pipeline, info.next, kEnd));
  return Fail(appended.error());
}

}  // namespace millrace::pipeline
