#include <algorithm>
#include <limits>

#include "lane.hpp"

/// How a lane finds out where its sink stands, and goes on from there.
namespace millrace::pipeline {
namespace {

/// Events that are looked through for the version that a lane goes on from.
constexpr std::uint32_t kProbed = 100;
/// Next offset of a reader that needs nothing of a stream.
constexpr Offset kNothing = std::numeric_limits<Offset>::max();

}  // namespace

Status Lane::Open() {
  if (changes_ != nullptr && !changes_->status().position) {
    return Fail(ErrorCode::kUnavailable, "the sink has not been opened yet");
  }
  snapshot_.reset();
  MR_TRY(auto committed, sink_->Open(compiled_.output));
  const bool anew = !committed;
  if (snapshot_sink_ != nullptr) {
    MR_CHECK_OK(OpenSnapshot(committed));
    // It is taken by the thread, once everything else has begun.
    if (!running_ && !committed && !snapshot_ && takes_snapshot()) {
      SetState("snapshot");
      return {};
    }
  }
  if (!committed && !snapshot_) {
    MR_TRY(const Offset first, ResolveStart());
    MR_CHECK_OK(
        redrive_ ? services_.state.letters().Unclaim(pipeline_.definition.name, 0, first)
                 : BeginRebuild());
    MR_CHECK_OK(sink_->Start(first));
    committed = first;
  }
  if (!snapshot_) MR_CHECK_OK(CheckPosition(*committed));
  next_ = snapshot_ ? snapshot_sink_->committed() : *committed;
  if (redrive_) {
    // In a restored directory letters may be ahead of the tables, which were copied
    // before.
    MR_CHECK_OK(services_.state.letters().Resend(pipeline_.definition.name,
                                                 compiled_.name, next_));
  } else if (!snapshot_) {
    MR_CHECK_OK(KeepDefinition(anew));
  }
  taken_.store(committed.value_or(0), std::memory_order_release);
  pending_.Clear();
  MR_CHECK_OK(OpenProcessor());
  if (changes_ == nullptr) {
    MR_CHECK_OK(lookups_.HoldForLetters(pipeline_, compiled_.name));
    MR_CHECK_OK(KnowLowWater());
    MR_TRY(rebuild_end_,
           services_.state.letters().RebuildEnd(pipeline_.definition.name, compiled_.name,
                                                pipeline_.stream()));
  }
  MR_CHECK_OK(CountLetters());
  services_.retention.SetReader(reader_, input(), next_);
  if (snapshot_) {
    services_.retention.SetReader(reader_, stream_, snapshot_->changes);
  } else if (snapshot_sink_ != nullptr) {
    services_.retention.SetReader(reader_, snapshot_stream_, kNothing);
  }
  {
    const std::lock_guard lock(mutex_);
    committed_ = committed;
    snapshot_rows_ = snapshot_ ? snapshot_->end - snapshot_->first : 0;
    snapshot_done_ = snapshot_ ? next_ - snapshot_->first : 0;
  }
  rebuilt_ = false;
  open_ = true;
  SetState(Working());
  return {};
}

Status Lane::OpenProcessor() {
  dead_next_.reset();
  letters_end_.reset();
  resolved_ = 0;
  const std::string& stream = snapshot_ ? snapshot_stream_.name : pipeline_.stream();
  if (processor_ != nullptr && history_->stream() == stream) return history_->Load();
  processor_.reset();
  // Rows of a snapshot come in order of keys: none says what the stream had before.
  history_ = std::make_unique<FieldHistory>(stream, services_.state,
                                            changes_ == nullptr && !snapshot_);
  MR_CHECK_OK(history_->Load());
  MR_TRY(processor_,
         Processor::Open(pipeline_, compiled_, lookups_, *history_, services_.engine,
                         services_.clock, changes_ == nullptr));
  std::ranges::fill(counted_misses_, 0);
  return {};
}

Result<Offset> Lane::ResolveStart() {
  MR_TRY(const auto info, services_.log.Stream(stream_));
  const bool earliest =
      redrive_ || pipeline_.definition.start == project::Start::kEarliest;
  return earliest ? info.first : info.next;
}

Status Lane::KeepDefinition(bool anew) {
  auto& state = services_.state;
  const auto& name = pipeline_.definition.name;
  if (anew) return state.ResetDefinitions(name, compiled_.name, {pipeline_.hash, next_});
  MR_TRY(const auto known, state.Definitions(name, compiled_.name));
  // What ran before this was kept: from its beginning on, as far as that is known.
  const bool from_first =
      known.empty() && pipeline_.definition.start == project::Start::kEarliest;
  return state.AddDefinition(name, compiled_.name,
                             {pipeline_.hash, from_first ? 0 : next_});
}

Status Lane::CheckPosition(Offset next) {
  MR_TRY(const auto info, services_.log.Stream(stream_));
  if (next > info.next) {
    return Fail(ErrorCode::kDataLoss,
                "source_went_back: the sink is at " + std::to_string(next) + ", stream " +
                    stream_.name + " ends at " + std::to_string(info.next));
  }
  if (next < info.first) {
    return Fail(ErrorCode::kOutOfRange, "the sink is at " + std::to_string(next) +
                                            ", stream " + stream_.name + " begins at " +
                                            std::to_string(info.first));
  }
  return {};
}

Status Lane::KnowLowWater() {
  if (pipeline_.lookups.empty()) return {};
  if (snapshot_) {
    for (const CompiledLookup& lookup : pipeline_.lookups) {
      MR_CHECK_OK(lookups_.Of(lookup).SetUser(
          reader_, {input(), next_, SnapshotVersion(*snapshot_)}));
    }
    return {};
  }
  MR_TRY(const auto batch, services_.log.Read(stream_, next_, kProbed, 1u << 20u));
  std::optional<Version> low;
  if (!batch.empty()) low = Version{};  // for events that nobody can read
  for (const eventlog::Record& record : batch.records()) {
    const auto event = change::ParseEnvelope(record.body);
    if (!event) continue;
    low = event->seen();
    break;
  }
  for (const CompiledLookup& lookup : pipeline_.lookups) {
    MR_CHECK_OK(lookups_.Of(lookup).SetUser(reader_, {stream_, next_, low}));
  }
  return {};
}

}  // namespace millrace::pipeline
