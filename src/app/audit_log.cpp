#include "audit_log.hpp"

#include <algorithm>
#include <future>
#include <limits>
#include <memory>
#include <utility>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/json_member.hpp"
#include "capture/event_parser.hpp"

namespace millrace::app {
namespace {

using gateway::AuditEvent;
using gateway::AuditResult;
using gateway::AuditWhen;

constexpr std::size_t kBatch = 2'000;
/// Of their keys: a request that is too large would be refused for ever.
constexpr std::size_t kBatchBytes = 4u << 20u;
/// Beyond so many, whoever adds one waits until it is durable.
constexpr std::size_t kMaxWaiting = 10'000;
constexpr std::size_t kTextBytes = 512;
constexpr TimestampUs kNanosOfUs = 1'000;
constexpr auto kNever = std::numeric_limits<TimestampUs>::max();

void Answer(auto& waiting, const Status& status) {
  for (auto& one : waiting)
    if (auto done = std::exchange(one.done, nullptr)) done(status);
}

/// Cut, valid UTF-8 and without NUL: what a client sent must not be able to make an event
/// that the stream refuses.
std::string Fit(std::string_view text) {
  auto fit = Excerpt(text, kTextBytes);
  fit = fit.substr(1, fit.size() - 2);
  std::ranges::replace(fit, '\0', '?');
  return fit;
}

void AppendText(std::string& out, std::string_view name, std::string_view text) {
  AppendMemberOrNull(out, name, Fit(text));
}

/// Also what failed for want of room: whoever asks too much can make that happen. The
/// reuse of a token happens once in a session, and is what one looks for.
bool Folds(const AuditEvent& event) {
  return event.result != AuditResult::kOk &&
         event.action != gateway::AuditAction::kRefreshReuse;
}

void AppendKeys(std::string& out, const AuditEvent& event) {
  AppendMemberName(out, "keys");
  if (event.keys.empty()) {
    out += "null";
    return;
  }
  char before = '[';
  for (const auto& key : event.keys) {
    out += std::exchange(before, ',');
    AppendJsonString(out, Fit(key));
  }
  out += ']';
}

void AppendEvent(std::string& out, const AuditEvent& event, TimestampUs at,
                 std::string_view id) {
  std::string time;
  AppendTimestamp(time, at);
  out += '{';
  AppendMember(out, "event_id", id);
  AppendMember(out, "occurred_at", time);
  AppendText(out, "request_id", event.request_id);
  AppendMember(out, "actor_kind", event.actor.kind);
  AppendText(out, "actor_id", event.actor.id);
  AppendText(out, "tenant", event.actor.tenant);
  AppendText(out, "role", event.actor.role);
  AppendMember(out, "action", NameOf(event.action));
  AppendText(out, "resource", event.resource);
  AppendText(out, "resource_id", event.resource_id);
  AppendMember(out, "count", event.count);
  AppendKeys(out, event);
  AppendText(out, "account", event.account);
  AppendText(out, "address", event.address);
  AppendText(out, "route", event.route);
  AppendMember(out, "status", static_cast<std::uint64_t>(event.status));
  AppendMember(out, "result", NameOf(event.result));
  AppendText(out, "code", event.code);
  out += "}\n";
}

}  // namespace

AuditLog::AuditLog(capture::StreamWriter& writer, const Clock& clock,
                   telemetry::Registry& metrics, telemetry::Logger& log,
                   std::chrono::milliseconds retry)
    : writer_(writer),
      clock_(clock),
      metrics_(metrics),
      log_(log),
      retry_(retry),
      waiting_events_(metrics.AddGauge("audit_waiting_events",
                                       "Events of the audit log not durable yet.")),
      lag_(metrics.AddDurations("audit_lag_seconds",
                                "From an action to its durable event in the audit log.")),
      failures_(metrics.AddCounter("audit_failures_total",
                                   "Appends to the audit log that failed.")),
      folded_(metrics.AddCounter("audit_folded_total",
                                 "Refusals that the audit log only counts.")),
      ids_(clock, 0),
      thread_([this] { Loop(); }) {}

AuditLog::~AuditLog() { Stop(); }

void AuditLog::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status AuditLog::Ready() const {
  const std::scoped_lock lock(mutex_);
  if (failure_.empty()) return {};
  return Fail(ErrorCode::kUnavailable, "the audit log cannot be written: " + failure_);
}

void AuditLog::Record(AuditEvent event, AuditWhen when, Done done) {
  Status ended;
  {
    const std::scoped_lock lock(mutex_);
    if (ended_) {
      ended = Fail(ErrorCode::kUnavailable, "the audit log is closed");
    } else if (Folds(event) && !fold_.Keeps(event, clock_.Now())) {
      folded_.Add();
      changed_.notify_all();
    } else if (when == AuditWhen::kBeforeAnswer || queue_.size() >= kMaxWaiting) {
      Push(std::move(event), std::move(done));
      urgent_ = true;
      return changed_.notify_all();
    } else {
      Push(std::move(event), {});
      if (queue_.size() == 1 || queue_.size() >= kBatch) changed_.notify_all();
    }
  }
  done(std::move(ended));
}

/// Holds the lock.
void AuditLog::Push(AuditEvent event, Done done) {
  std::string id;
  AppendUuid(id, ids_.UuidV7());
  queue_.push_back({std::move(event), clock_.Now(), std::move(id), std::move(done)});
  waiting_events_.Add(1);
}

Status AuditLog::RecordAndWait(AuditEvent event) {
  std::promise<Status> kept;
  Record(std::move(event), AuditWhen::kBeforeAnswer,
         [&kept](Status status) { kept.set_value(std::move(status)); });
  return kept.get_future().get();
}

void AuditLog::Loop() {
  for (auto batch = Take(); !batch.empty(); batch = Take()) Keep(std::move(batch));
}

/// Waits for events; none when stopping.
AuditLog::Batch AuditLog::Take() {
  std::unique_lock lock(mutex_);
  const auto full = [this] { return stopping_ || urgent_ || queue_.size() >= kBatch; };
  for (;;) {
    // A stop ends the window of what is counted, too.
    for (auto& event : fold_.Close(stopping_ ? kNever : clock_.Now()))
      Push(std::move(event), {});
    if (!queue_.empty()) {
      changed_.wait_for(lock, kLinger, full);
      break;
    }
    if (stopping_) {
      ended_ = true;
      return {};
    }
    const auto due = fold_.due();
    if (!due) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(
          lock, std::chrono::microseconds(std::max<TimestampUs>(*due - clock_.Now(), 0)));
    }
  }
  Batch batch;
  std::size_t bytes = 0;
  while (!queue_.empty() && batch.size() < kBatch && bytes < kBatchBytes) {
    for (const auto& key : queue_.front().event.keys)
      bytes += std::min(key.size(), kTextBytes);
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (queue_.empty()) urgent_ = false;
  return batch;
}

void AuditLog::Keep(Batch batch) {
  for (;;) {
    const auto kept = Append(batch);
    {
      // Before the answer: who got none is told so by Ready, too.
      const std::scoped_lock lock(mutex_);
      failure_ = kept ? "" : kept.error().message();
    }
    Answer(batch, kept);
    if (kept) break;
    std::unique_lock lock(mutex_);
    failures_.Add();
    log_.Error("cannot append to the audit log", {{"error", kept.error()}});
    // Nobody is let wait for better times.
    Answer(queue_, kept);
    if (!changed_.wait_for(lock, retry_, [this] { return stopping_; })) continue;
    log_.Error("events of the audit log are lost", {{"events", batch.size()}});
    return waiting_events_.Add(-static_cast<std::int64_t>(batch.size()));
  }
  Count(batch);
}

Status AuditLog::Append(const Batch& batch) {
  std::string lines;
  for (const auto& one : batch) AppendEvent(lines, one.event, one.at, one.id);
  const auto size = lines.size();
  lines.append(schema::kJsonPadding, '\0');
  MR_TRY(auto parsed,
         capture::ParseEvents(writer_.codec(), capture::EventForm::kJsonLines,
                              std::string_view(lines).substr(0, size), {}, kBatch));
  for (const auto& bad : parsed.bad)
    log_.Error("an event is not fit for the audit log", {{"error", bad.error}});
  using Accepted = Result<capture::AcceptedEvents>;
  std::promise<Accepted> promise;
  writer_.Submit({std::move(parsed.events), [&promise](Accepted accepted) {
                    promise.set_value(std::move(accepted));
                  }});
  MR_CHECK_OK(promise.get_future().get());
  return {};
}

void AuditLog::Count(const Batch& batch) {
  const auto now = clock_.Now();
  waiting_events_.Add(-static_cast<std::int64_t>(batch.size()));
  for (const auto& one : batch) {
    lag_.Observe(std::chrono::nanoseconds((now - one.at) * kNanosOfUs));
    metrics_
        .AddCounter("audit_events_total", "Events that the audit log has taken.",
                    {{"action", std::string(NameOf(one.event.action))},
                     {"result", std::string(NameOf(one.event.result))}})
        .Add();
  }
}

}  // namespace millrace::app
