#include "base/failpoint.hpp"
#include "lane.hpp"

/// What a lane has to do with dead letters.
namespace millrace::pipeline {
namespace {

/// While a sink is built anew its letters are looked at so often.
constexpr std::chrono::milliseconds kLookAgain{50};

}  // namespace

Status Lane::CountLetters() {
  MR_TRY(const auto letters,
         services_.state.letters().Count(pipeline_.definition.name, compiled_.name));
  const std::lock_guard lock(mutex_);
  dead_letters_ = letters;
  return {};
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
  MR_TRY(const auto added, services_.state.letters().Put(letters));
  MR_FAIL_POINT("pipeline.after_dead_letters");
  {
    const std::lock_guard lock(mutex_);
    dead_letters_ += added;
  }
  return lookups_.HoldForLetters(pipeline_, compiled_.name);
}

/// The sink has nothing: its letters are decided again as its changes are read again.
Status Lane::BeginRebuild() {
  return services_.state.letters().BeginRebuild(pipeline_.definition.name,
                                                compiled_.name);
}

Status Lane::EndRebuild() {
  if (!rebuild_end_ || sink_->committed() < *rebuild_end_) return {};
  MR_CHECK_OK(
      services_.state.letters().EndRebuild(pipeline_.definition.name, compiled_.name));
  rebuild_end_.reset();
  MR_CHECK_OK(lookups_.HoldForLetters(pipeline_, compiled_.name));
  return CountLetters();
}

Status Lane::WaitForRebuild(bool& waits) {
  if (rebuilt_) return {};
  MR_TRY(const auto end,
         services_.state.letters().RebuildEnd(pipeline_.definition.name, compiled_.name));
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
  MR_TRY(const auto resolved, redrive_->ResolveBelow(sink_->committed(), *sink_));
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
