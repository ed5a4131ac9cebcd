#include <algorithm>
#include <set>

#include "base/failpoint.hpp"
#include "lane.hpp"

/// What a lane has to do with dead letters.
namespace millrace::pipeline {
namespace {

/// While a sink is built anew its letters are looked at so often.
constexpr std::chrono::milliseconds kLookAgain{50};
/// Events in whose windows `max_share` counts.
constexpr Offset kShareWindow = 1'000;

}  // namespace

Status Lane::CountLetters() {
  const std::lock_guard counting(counting_);
  MR_TRY(const auto letters,
         services_.state.letters().Count(pipeline_.definition.name, compiled_.name));
  const std::lock_guard lock(mutex_);
  dead_letters_ = letters;
  return {};
}

Status Lane::LettersDismissed() {
  MR_CHECK_OK(lookups_.HoldForLetters(pipeline_, compiled_.name));
  return CountLetters();
}

Status Lane::StoreLetters(std::vector<DeadLetter> letters) {
  if (letters.empty()) return {};
  for (const DeadLetter& letter : letters) {
    services_.metrics
        .AddCounter("pipeline_dead_letters_total", "Changes that could not be used.",
                    {{"pipeline", letter.pipeline},
                     {"sink", letter.sink},
                     {"stage", letter.stage}})
        .Add();
  }
  if (redrive_) return redrive_->Reopen(std::move(letters));
  MR_FAIL_POINT("pipeline.before_dead_letters");
  {
    const std::lock_guard counting(counting_);
    MR_TRY(const auto added, services_.state.letters().Put(letters));
    const std::lock_guard lock(mutex_);
    dead_letters_ += added;
  }
  MR_FAIL_POINT("pipeline.after_dead_letters");
  // One that went through before may be open again.
  if (next_ < letters_end_.value_or(0)) MR_CHECK_OK(CountLetters());
  return lookups_.HoldForLetters(pipeline_, compiled_.name);
}

Status Lane::BlockKeys() {
  if (pipeline_.definition.on_error != project::OnError::kParkKey) return {};
  // Redriven events are behind what is open; changes behind what is sent, too.
  MR_TRY(auto blocked, services_.state.letters().Blocked(
                           pipeline_.definition.name, compiled_.name,
                           changes_ == nullptr && options_.sent_letters_block));
  processor_->Block(std::move(blocked));
  return {};
}

Status Lane::CheckParked(const std::vector<DeadLetter>& letters) {
  if (redrive_) return {};
  const auto is_parked = [](const DeadLetter& letter) {
    return letter.stage == "parked";
  };
  // Without those that are stored already, where a batch is read again.
  std::set<Offset> stored;
  for (const DeadLetter& letter : known_) stored.insert(letter.offset);
  const auto more = std::ranges::count_if(letters, [&](const DeadLetter& letter) {
    return is_parked(letter) && !stored.contains(letter.offset);
  });
  if (more == 0) return {};
  MR_TRY(const auto parked, services_.state.letters().CountStage(
                                pipeline_.definition.name, compiled_.name, "parked"));
  const auto all = parked + static_cast<std::uint64_t>(more);
  if (all <= pipeline_.definition.max_parked) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "too_many_parked: " + std::to_string(all) +
                  " changes would wait behind dead letters, max_parked is " +
                  std::to_string(pipeline_.definition.max_parked) +
                  ": mend and redrive those, or raise it");
}

/// A sink without a position of its last batches reads them again, and a letter of these
/// may have been redriven meanwhile: its event is the redrive's. A dismissed one's is
/// nobody's.
Result<bool> Lane::KnowLetters(const eventlog::RecordBatch& batch) {
  known_.clear();
  auto& letters = services_.state.letters();
  const auto& name = pipeline_.definition.name;
  // Of a sink that is built anew all letters are decided again, but those given up.
  const auto which =
      rebuild_end_ ? DeadLetters::Which::kDismissed : DeadLetters::Which::kAll;
  if (!letters_end_) {
    MR_TRY(letters_end_, letters.LettersEnd(name, compiled_.name, input().name, which));
  }
  if (next_ >= *letters_end_) return false;
  MR_TRY(known_,
         letters.Between(name, compiled_.name, input().name, next_, batch.next(), which));
  return !known_.empty();
}

std::vector<eventlog::Record> Lane::WithoutRedriven(
    const eventlog::RecordBatch& batch) const {
  std::vector<eventlog::Record> taken(batch.records());
  std::set<Offset> others;
  for (const DeadLetter& letter : known_) {
    using enum LetterState;
    const bool ours =
        letter.state == kOpen || letter.state == kRebuilding || letter.state == kRebuilt;
    if (!ours) others.insert(letter.offset);
  }
  std::erase_if(taken,
                [&](const auto& record) { return others.contains(record.offset); });
  return taken;
}

/// Of a batch whose events have all been redriven.
Processed Lane::PassedOver(const eventlog::Record& last) {
  Processed out;
  if (const auto event = change::ParseEnvelope(last.body)) {
    out.batch.last_version = event->version;
    out.seen = event->seen();
  }
  return out;
}

/// An open letter of such a batch whose event is a row this time must not be redriven as
/// well.
Status Lane::CloseWhatGoesThrough(const std::vector<DeadLetter>& died) {
  std::set<Offset> dead;
  for (const DeadLetter& letter : died) dead.insert(letter.offset);
  std::vector<std::int64_t> through;
  for (const DeadLetter& letter : known_) {
    if (letter.state == LetterState::kOpen && !dead.contains(letter.offset)) {
      through.push_back(letter.id);
    }
  }
  known_.clear();
  MR_TRY(const auto closed, services_.state.letters().CloseThrough(through));
  if (closed > 0) MR_CHECK_OK(CountLetters());
  if (closed == through.size()) return {};
  return Fail(ErrorCode::kUnavailable, "letters of this batch are being redriven");
}

/// Windows stand still, so that what stops a sink does not hang on its batches.
Status Lane::CheckShare(Offset next, const std::vector<DeadLetter>& letters) {
  const auto most = pipeline_.definition.max_dead_of_1000;
  if (redrive_ || !most) return {};
  if (dead_next_ != next_) {
    MR_TRY(dead_, services_.state.letters().CountBetween(
                      pipeline_.definition.name, compiled_.name, input().name,
                      next_ / kShareWindow * kShareWindow, next_));
  }
  Offset window = next_ / kShareWindow;
  std::uint64_t dead = dead_;
  for (const DeadLetter& letter : letters) {
    if (letter.stage == "parked") continue;
    if (letter.offset / kShareWindow != window) dead = 0;
    window = letter.offset / kShareWindow;
    if (++dead <= *most) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "too_many_dead: more than " + std::to_string(*most) +
                    " of the 1000 events from offset " +
                    std::to_string(window * kShareWindow) +
                    " on cannot be used (max_share); the last one, at " +
                    std::to_string(letter.offset) + ": " + letter.reason);
  }
  dead_ = window == next / kShareWindow ? dead : 0;
  dead_next_ = next;
  return {};
}

/// The sink has nothing: its letters are decided again as its changes are read again.
Status Lane::BeginRebuild() {
  return services_.state.letters().BeginRebuild(pipeline_.definition.name,
                                                compiled_.name);
}

Status Lane::EndRebuild() {
  if (snapshot_ || !rebuild_end_ || sink_->committed() < *rebuild_end_) return {};
  MR_CHECK_OK(
      services_.state.letters().EndRebuild(pipeline_.definition.name, compiled_.name));
  rebuild_end_.reset();
  MR_CHECK_OK(lookups_.HoldForLetters(pipeline_, compiled_.name));
  return CountLetters();
}

Status Lane::WaitForRebuild(bool& waits) {
  if (rebuilt_) return {};
  MR_TRY(const auto end,
         services_.state.letters().RebuildEnd(pipeline_.definition.name, compiled_.name,
                                              pipeline_.stream()));
  rebuilt_ = !end;
  waits = !rebuilt_;
  if (waits) Sleep(std::chrono::steady_clock::now() + kLookAgain);
  return {};
}

/// Nobody waits for a roll to be full who waits for a redrive.
Status Lane::FlushAtEnd() {
  MR_TRY(const auto info, services_.log.Stream(stream_));
  if (next_ < info.next) return {};
  failed_in_sink_ = true;
  MR_CHECK_OK(sink_->Flush());
  failed_in_sink_ = false;
  Committed();
  return ResolveSent();
}

Status Lane::ResolveSent() {
  if (resolved_ == sink_->committed()) return {};
  MR_TRY(const auto resolved, redrive_->Resolve(resolved_, sink_->committed(), *sink_));
  resolved_ = sink_->committed();
  const auto count = [this](const char* outcome, std::uint64_t letters) {
    services_.metrics
        .AddCounter("pipeline_redriven_total", "Letters that a redrive has resolved.",
                    {{"pipeline", pipeline_.definition.name},
                     {"sink", compiled_.name},
                     {"outcome", outcome}})
        .Add(letters);
  };
  count("applied", resolved.applied);
  count("superseded", resolved.superseded);
  MR_CHECK_OK(lookups_.HoldForLetters(pipeline_, compiled_.name));
  return changes_->CountLetters();
}

}  // namespace millrace::pipeline
