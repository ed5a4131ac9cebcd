#include "capture/change_pump.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/failpoint.hpp"
#include "change/envelope.hpp"
#include "change/limits.hpp"

namespace millrace::capture {
namespace {

using records::Change;
using records::Operation;

static_assert(change::kMaxEventBytes <= eventlog::kMaxBodyBytes,
              "what is checked before it is acknowledged, a log takes");

constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPause{5'000};

char OpOf(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return 'c';
    case Operation::kUpdate:
    case Operation::kReplace:
      return 'u';
    case Operation::kDelete:
      return 'd';
    case Operation::kRead:
      return 'r';
  }
  return 'r';
}

change::Event ToEvent(const Change& change, std::string_view source) {
  change::Event event;
  event.before = change.before;
  event.after = change.after;
  event.source = source;
  event.tenant = change.tenant;
  event.collection = change.collection;
  event.key = change.key;
  event.op = OpOf(change.operation);
  event.operation = records::ToString(change.operation);
  event.committed_at = change.committed_at;
  event.version = change.version;
  return event;
}

/// The changes of one stream in a round, as they go to the log.
struct Share {
  std::string bytes;
  std::vector<std::size_t> ends;  ///< of each event in `bytes`
  Position upto;
};

}  // namespace

class ChangePump::Impl {
 public:
  Impl(records::ChangeFeed& feed, eventlog::EventLog& log, change::CompleteMark& mark,
       telemetry::Logger& logger, PumpOptions options)
      : feed_(feed),
        log_(log),
        mark_(mark),
        logger_(logger),
        options_(options),
        source_(feed.source()) {}

  Status Start() {
    MR_TRY(const Position end, feed_.End());
    MR_CHECK_OK(ReadLogPositions(end));
    behind_ = end;
    if (const auto status = CatchUp()) {
      SetState("running", "");
    } else if (status.error().code() == ErrorCode::kResourceExhausted) {
      // Readers that make room in the log start after this.
      Wait(status.error());
    } else {
      return status;
    }
    thread_ = std::thread([this] { Loop(); });
    return {};
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    feed_.Interrupt();
    if (thread_.joinable()) thread_.join();
  }

  bool Drain(Deadline deadline) {
    const auto end = feed_.End();
    return end && mark_.WaitFor(*end, deadline);
  }

  PumpStatus status() const {
    const std::lock_guard lock(mutex_);
    PumpStatus status = status_;
    status.complete = mark_.Get();
    return status;
  }

 private:
  /// The log's streams know how far each of them came. A stream that is behind the others
  /// had nothing in between, or its changes are still in the feed: the feed is read from
  /// its first row, and each stream takes what lies past its own position.
  Status ReadLogPositions(Position end) {
    MR_TRY(position_, feed_.Begin());
    MR_TRY(const auto streams, log_.Streams());
    std::uint64_t newest = 0;
    for (const auto& info : streams) {
      MR_TRY(const Position last, log_.LastPosition(info.stream, source_));
      // Sequences go on over epochs: a later epoch does not make up for a lower one.
      if (last > end || last.low > end.low) {
        return Fail(ErrorCode::kDataLoss,
                    "source_went_back: the log of " + info.stream.name +
                        " holds changes up to " + std::to_string(last.low) +
                        ", but the record store ends at " + std::to_string(end.low) +
                        "; records.db was replaced by an older copy");
      }
      positions_[info.stream] = last;
      newest = std::max(newest, last.low);
    }
    // The last change that was trimmed is in the log, or was when it was trimmed.
    if (newest >= position_.low) return {};
    return Fail(ErrorCode::kDataLoss,
                "the log ends at change " + std::to_string(newest) +
                    ", but the record store has handed over those up to " +
                    std::to_string(position_.low) +
                    "; the log was removed or replaced by an older copy");
  }

  /// To where the feed ended at the start.
  Status CatchUp() {
    if (!behind_) return {};
    const Position end = *behind_;
    // A restored store ends at its new epoch, before there is a change of it.
    for (Position before = end; position_ < end && position_ != before;) {
      if (stopping()) return {};
      before = position_;
      MR_CHECK_OK(Round());
    }
    // What was trimmed from the feed is in the log: the mark holds for all of it.
    Advance(std::max(position_, end));
    behind_.reset();
    return {};
  }

  Status Round() {
    MR_TRY(const auto batch,
           feed_.Read(position_, options_.max_rows, options_.max_bytes));
    if (batch.changes.empty()) return {};
    std::map<StreamId, Share> shares;
    for (const auto& change : batch.changes) Add(change, shares);
    for (auto& [stream, share] : shares) {
      MR_CHECK_OK(Append(stream, share));
    }
    Advance(batch.changes.back().position);
    return {};
  }

  void Add(const Change& change, std::map<StreamId, Share>& shares) {
    StreamId stream{std::string(change.tenant), std::string(change.collection)};
    // Had already: an earlier life appended it, but died before the feed was trimmed.
    if (const auto known = positions_.find(stream);
        known != positions_.end() && change.position <= known->second) {
      return;
    }
    auto& share = shares[std::move(stream)];
    change::AppendEnvelope(share.bytes, ToEvent(change, source_));
    share.ends.push_back(share.bytes.size());
    share.upto = change.position;
  }

  Status Append(const StreamId& stream, const Share& share) {
    eventlog::EventBatch batch;
    batch.stream = stream;
    batch.source = source_;
    batch.after = positions_[stream];
    batch.upto = share.upto;
    batch.bodies.reserve(share.ends.size());
    std::size_t begin = 0;
    for (const auto end : share.ends) {
      batch.bodies.push_back(std::string_view(share.bytes).substr(begin, end - begin));
      begin = end;
    }
    MR_FAIL_POINT("capture.before_append");
    auto next = log_.Append(batch, Deadline::Never());
    if (!next) return Fail(std::move(next.error()).During("append to " + stream.name));
    MR_FAIL_POINT("capture.after_append");
    positions_[stream] = share.upto;
    const std::lock_guard lock(mutex_);
    status_.logged += share.ends.size();
    return {};
  }

  void Advance(Position position) {
    position_ = position;
    feed_.Trim(position);
    mark_.Raise(position);
  }

  void Loop() {
    auto pause = kFirstPause;
    while (!stopping()) {
      auto status = CatchUp();
      if (status) status = Round();
      if (status) {
        pause = kFirstPause;
        SetState("running", "");
        if (!stopping()) feed_.WaitFor(position_, Deadline::Never());
        continue;
      }
      if (!status.error().retryable()) return GiveUp(status.error());
      Wait(status.error());
      Sleep(pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  void Wait(const Error& error) {
    SetState("waiting", error.ToString());
    logger_.Warn("capture waits and tries again", {{"error", error}});
  }

  void GiveUp(const Error& error) {
    const bool unknown = error.code() == ErrorCode::kDeadlineExceeded;
    SetState("stopped",
             error.ToString() +
                 (unknown ? "; only a restart tells whether it was written" : ""));
    logger_.Error("capture stopped: changes stay in the record store until a restart",
                  {{"error", error}});
  }

  void Sleep(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return stopping_; });
  }

  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  void SetState(std::string_view state, std::string reason) {
    const std::lock_guard lock(mutex_);
    status_.state = state;
    status_.reason = std::move(reason);
  }

  records::ChangeFeed& feed_;
  eventlog::EventLog& log_;
  change::CompleteMark& mark_;
  telemetry::Logger& logger_;
  const PumpOptions options_;
  const std::string source_;

  Position position_;                       ///< read up to here
  std::optional<Position> behind_;          ///< where Start is to bring it, until it did
  std::map<StreamId, Position> positions_;  ///< of this source in each stream

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  bool stopping_ = false;
  PumpStatus status_{"starting", "", {}, 0};

  std::thread thread_;  ///< last: it uses all of the above
};

ChangePump::ChangePump(records::ChangeFeed& feed, eventlog::EventLog& log,
                       change::CompleteMark& mark, telemetry::Logger& logger,
                       PumpOptions options)
    : impl_(std::make_unique<Impl>(feed, log, mark, logger, options)) {}
ChangePump::~ChangePump() { impl_->Stop(); }
Status ChangePump::Start() { return impl_->Start(); }
void ChangePump::Stop() { impl_->Stop(); }
bool ChangePump::Drain(Deadline deadline) { return impl_->Drain(deadline); }
PumpStatus ChangePump::status() const { return impl_->status(); }

}  // namespace millrace::capture
