#include "lane.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "redrive_entry.hpp"

namespace millrace::pipeline {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAfterInterrupt{10};

telemetry::Labels LabelsOf(const CompiledPipeline& pipeline, const CompiledSink& sink) {
  return {{"pipeline", pipeline.definition.name}, {"sink", sink.name}};
}

/// What redriven events count is apart from what changes count.
std::string Metric(const Lane* changes, const char* name) {
  return (changes == nullptr ? "pipeline_" : "pipeline_redrive_") + std::string(name);
}

Deadline At(Steady::time_point at) {
  if (at == Steady::time_point::max()) return Deadline::Never();
  // Rounded up: waking a little before the time would be waking twice.
  return Deadline::After(
      std::max(milliseconds(0), std::chrono::ceil<milliseconds>(at - Steady::now())));
}

}  // namespace

Lane::Lane(const CompiledPipeline& pipeline, std::size_t sink,
           std::unique_ptr<Sink> target, std::unique_ptr<Sink> snapshots,
           Services& services, LookupSet& lookups, const Options& options, Lane* changes)
    : pipeline_(pipeline),
      compiled_(pipeline.sinks[sink]),
      sink_(std::move(target)),
      snapshot_sink_(std::move(snapshots)),
      services_(services),
      lookups_(lookups),
      options_(options),
      reader_(pipeline.definition.name + "/" + compiled_.name +
              (changes == nullptr ? "" : "/redrive")),
      stream_{"", changes == nullptr ? pipeline.stream()
                                     : RedriveStream(pipeline.definition.name)},
      snapshot_stream_{"", SnapshotStream(pipeline.definition.name)},
      log_reader_(services.log, stream_),
      snapshot_reader_(services.log, snapshot_stream_),
      changes_(changes),
      counted_misses_(pipeline.lookups.size()),
      events_(services.metrics.AddCounter(Metric(changes, "events_total"),
                                          "Change events that a sink is past.",
                                          LabelsOf(pipeline, compiled_))),
      snapshot_events_(services.metrics.AddCounter(
          "pipeline_snapshot_events_total", "Records of snapshots that a sink is past.",
          LabelsOf(pipeline, compiled_))),
      rows_(services.metrics.AddCounter(Metric(changes, "rows_total"),
                                        "Rows given to a sink.",
                                        LabelsOf(pipeline, compiled_))),
      retries_(services.metrics.AddCounter(Metric(changes, "retries_total"),
                                           "Attempts that failed for now.",
                                           LabelsOf(pipeline, compiled_))),
      lag_seconds_(services.metrics.AddDurations("pipeline_lag_seconds",
                                                 "From commit to visible in the sink.",
                                                 LabelsOf(pipeline, compiled_))),
      misses_(pipeline.lookups.size()) {
  // Until its position is known the lane needs everything.
  services_.retention.SetReader(reader_, stream_, 0);
  if (snapshot_sink_ != nullptr) {
    services_.retention.SetReader(reader_, snapshot_stream_, 0);
  }
  if (changes_ != nullptr) {
    redrive_.emplace(pipeline.definition.name, compiled_.name, services.state.letters());
  }
  for (const CompiledLookup& lookup : pipeline.lookups) {
    telemetry::Labels labels = LabelsOf(pipeline, compiled_);
    labels.emplace_back("lookup", lookup.name);
    miss_counters_.push_back(&services.metrics.AddCounter(
        "pipeline_lookup_misses_total", "Changes without a row in a lookup.",
        std::move(labels)));
    // What redriven events look up is held for their letters.
    if (changes_ == nullptr) lookups.Of(lookup).AddUser(reader_);
  }
}

Lane::~Lane() {
  RequestStop();
  if (thread_.joinable()) thread_.join();
}

void Lane::Prepare() {
  if (auto opened = Open(); !opened) static_cast<void>(Handle(opened.error()));
}

void Lane::Run() {
  running_ = true;
  while (!stopping()) {
    if (pausing()) {
      WaitWhilePaused();
      continue;
    }
    auto done = Step();
    if (!done && !Handle(done.error())) break;
    if (done && AtEnd()) break;
  }
  Finish();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  wake_.notify_all();
}

Status Lane::Step() {
  if (!open_) {
    MR_CHECK_OK(Open());
    if (AtEnd()) return {};  // a snapshot was all there was to do
  }
  if ((limit_ || until_end_) && !end_ && !snapshot_) {
    MR_TRY(const auto info, services_.log.Stream(stream_));
    log_end_ = info.next;
    const Offset left = std::max(info.next, next_) - next_;
    end_ = next_ + std::min(limit_.value_or(left), left);
    if (AtEnd()) return {};
  }
  MR_CHECK_OK(FlushIfDue());
  if (redrive_) {
    bool waits = false;
    MR_CHECK_OK(WaitForRebuild(waits));
    // Its changes' lane has stopped at its bound: the letters wait for the next run.
    if (waits && until_end_) end_ = next_;
    if (waits) return {};
    MR_CHECK_OK(ResolveSent());
  }
  if (snapshot_ && next_ == snapshot_->end) return EndSnapshot();
  if (!WaitForWork()) return {};
  MR_CHECK_OK(ProcessBatch());
  if (redrive_) MR_CHECK_OK(FlushAtEnd());
  if (failures_ > 0) SetState(Working());
  failures_ = 0;
  return {};
}

bool Lane::WaitForWork() {
  if (snapshot_) return true;  // all of it is there
  const auto due = sink_->due().value_or(Steady::time_point::max());
  const auto& definition = pipeline_.definition;
  if (!services_.log.WaitFor(stream_, next_, At(due))) {
    // False before its time: we, or a lane beside us, are to pause, or the log is being
    // shut down, and so are we, soon.
    Sleep(std::min(due, Steady::now() + kAfterInterrupt));
    return false;
  }
  if (end_) return true;
  const auto full = Steady::now() + milliseconds(definition.max_wait_ms);
  services_.log.WaitFor(stream_, next_ + definition.max_rows - 1,
                        At(std::min(full, due)));
  return !stopping();
}

void Lane::Sleep(Steady::time_point until) {
  std::unique_lock lock(mutex_);
  const auto stop = [this] { return stopping() || pausing(); };
  if (until == Steady::time_point::max()) {
    wake_.wait(lock, stop);
  } else {
    wake_.wait_until(lock, until, stop);
  }
}

Status Lane::FlushIfDue() {
  const auto due = target().due();
  if (!due || Steady::now() < *due) return {};
  failed_in_sink_ = true;
  MR_CHECK_OK(target().Flush());
  failed_in_sink_ = false;
  Committed();
  return {};
}

Status Lane::ProcessBatch() {
  const auto& definition = pipeline_.definition;
  std::uint64_t rows = definition.max_rows;
  if (snapshot_) {
    rows = std::min<std::uint64_t>(rows, snapshot_->end - next_);
  } else if (end_) {
    rows = std::min<std::uint64_t>(rows, *end_ - next_);
  }
  auto& reader = snapshot_ ? snapshot_reader_ : log_reader_;
  MR_TRY(auto batch,
         reader.Read(next_, static_cast<std::uint32_t>(rows), definition.max_bytes));
  if (batch.empty()) return {};
  MR_TRY(auto processed, Process(batch));
  if (stopping() || pausing()) return {};
  processed.batch.first = next_;
  processed.batch.next = batch.next();
  return Deliver(std::move(processed));
}

Result<Processed> Lane::Process(eventlog::RecordBatch& batch) {
  std::vector<eventlog::Record> some;
  std::span<const eventlog::Record> taken = batch.records();
  if (redrive_) {
    MR_TRY(some, redrive_->Take(batch));
    if (some.empty()) return Processed{};
    taken = some;
  } else {
    MR_TRY(const bool known, KnowLetters(batch));
    if (known) taken = some = WithoutRedriven(batch);
    if (taken.empty()) return PassedOver(batch.records().back());
  }
  const Position position = processor_->Begin(taken);
  MR_CHECK_OK(BlockKeys());
  MR_CHECK_OK(CatchUpLookups(position));
  if (stopping() || pausing()) return Processed{};
  return processor_->Finish();
}

Status Lane::CatchUpLookups(Position position) {
  bool wait = false;
  for (const CompiledLookup& lookup : pipeline_.lookups) wait |= !lookup.as_of_now;
  if (wait && !services_.mark.WaitFor(position, Deadline::Never())) {
    // Interrupted: for shutdown only.
    Sleep(Steady::time_point::max());
    return {};
  }
  for (const CompiledLookup& lookup : pipeline_.lookups) {
    LookupState& state = lookups_.Of(lookup);
    MR_CHECK_OK(lookup.as_of_now ? state.CatchUpToEnd() : state.CatchUp(position));
  }
  return {};
}

Status Lane::Deliver(Processed processed) {
  if (!redrive_) MR_CHECK_OK(history_->Save());
  MR_CHECK_OK(CheckShare(processed.batch.next, processed.letters));
  MR_CHECK_OK(CheckParked(processed.letters));
  if (redrive_) MR_CHECK_OK(redrive_->Learn(processed.became));
  MR_CHECK_OK(CloseWhatGoesThrough(processed.letters));
  MR_CHECK_OK(StoreLetters(std::move(processed.letters)));
  const Offset next = processed.batch.next;
  const std::uint64_t events = next - processed.batch.first;
  const std::uint64_t rows = processed.batch.rows.rows();
  const std::uint64_t used = rows + processed.batch.tombstones.rows();
  PendingBatches::Batch pending{next, processed.seen, std::move(processed.committed_at)};
  MR_FAIL_POINT("pipeline.before_write");
  failed_in_sink_ = true;
  MR_CHECK_OK(target().Write(std::move(processed.batch)));
  failed_in_sink_ = false;
  MR_FAIL_POINT("pipeline.after_write");
  pending_.Add(std::move(pending));
  next_ = next;
  if (!snapshot_) taken_.store(next_, std::memory_order_release);
  if (end_ && limit_ && !snapshot_) end_ = std::min(log_end_, *end_ + (events - used));
  (snapshot_ ? snapshot_events_ : events_).Add(events);
  rows_.Add(rows);
  Committed();
  return {};
}

void Lane::Committed() {
  const Offset committed = target().committed();
  const TimestampUs now = services_.clock.Now();
  const auto visible = pending_.TakeUpTo(committed);
  services_.retention.SetReader(reader_, input(), committed);
  if (!visible.empty() && !redrive_) {
    for (const CompiledLookup& lookup : pipeline_.lookups) {
      // It only rises here: never a rebuild, so never an error.
      static_cast<void>(lookups_.Of(lookup).SetUser(
          reader_, {input(), committed, visible.back().seen}));
    }
  }
  // A failure is made good by the next commit.
  static_cast<void>(EndRebuild());
  const std::lock_guard lock(mutex_);
  if (snapshot_) {
    snapshot_done_ = committed - snapshot_->first;
  } else {
    committed_ = committed;
  }
  for (const auto& batch : visible) {
    if (redrive_ || snapshot_) break;  // of long ago
    for (const TimestampUs at : batch.committed_at) {
      lag_.Add(now - at);
      lag_seconds_.Observe(std::chrono::microseconds(std::max<TimestampUs>(now - at, 0)));
    }
  }
  for (std::size_t i = 0; i < misses_.size(); ++i) {
    const std::uint64_t now_missed = processor_->lookups()[i].misses;
    misses_[i] += now_missed - counted_misses_[i];
    miss_counters_[i]->Add(now_missed - counted_misses_[i]);
    counted_misses_[i] = now_missed;
  }
}

SinkStatus Lane::status() const {
  const std::lock_guard lock(mutex_);
  SinkStatus status;
  status.name = compiled_.name;
  status.state = state_;
  status.reason = reason_;
  if (state_ == "snapshot" && snapshot_rows_ > 0) {
    status.reason = std::to_string(snapshot_done_) + " of " +
                    std::to_string(snapshot_rows_) + " records";
  }
  status.position = committed_;
  status.dead_letters = dead_letters_;
  status.lag_p50_ms = lag_.Quantile(0.5);
  status.lag_p99_ms = lag_.Quantile(0.99);
  status.lag_count = lag_.count();
  return status;
}

std::vector<std::uint64_t> Lane::misses() const {
  const std::lock_guard lock(mutex_);
  return misses_;
}

}  // namespace millrace::pipeline
