#include "group_writer.hpp"

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"

namespace millrace::records {
namespace {

/// Request bytes of one group.
constexpr std::uint64_t kGroupMaxBytes = 4u << 20u;
/// Changes and answers of one group, but for its last request: a patch of fifty bytes can
/// make a change of many megabytes.
constexpr std::uint64_t kGroupMadeBytes = 16u << 20u;
/// Change rows that a group removes beside its own work: more than it adds, few enough
/// that its latency does not show it.
constexpr std::uint64_t kTrimRows = 512;
/// And one that has nothing else to do.
constexpr std::uint64_t kIdleTrimRows = 20'000;
/// Expired answers that a group removes beside twice as many as it keeps.
constexpr std::uint64_t kExpiredAnswers = 256;

/// Whether a repetition must get the same answer: not if nothing was decided.
bool IsKept(ErrorCode code) {
  return code != ErrorCode::kResourceExhausted && code != ErrorCode::kUnavailable &&
         code != ErrorCode::kDeadlineExceeded && code != ErrorCode::kInternal;
}

/// After these nobody knows what the disk holds, until the file is opened again.
bool EndsWriting(const Error& error) {
  return error.code() == ErrorCode::kUnavailable ||
         error.code() == ErrorCode::kDataLoss ||
         error.code() == ErrorCode::kDeadlineExceeded;
}

/// The commit is in the log, synced, before the log's index grows, for which there may be
/// no room and no memory.
bool MayBeWritten(int extended) {
  return extended == SQLITE_NOMEM || extended == SQLITE_IOERR_NOMEM ||
         extended == SQLITE_IOERR_SHMOPEN || extended == SQLITE_IOERR_SHMSIZE ||
         extended == SQLITE_IOERR_SHMLOCK || extended == SQLITE_IOERR_SHMMAP;
}

/// Of a COMMIT that failed: what it wrote may be found by the next start.
Error UnknownOutcome(const Error& error, int extended) {
  if (!EndsWriting(error) && !MayBeWritten(extended)) return error;
  return Error(ErrorCode::kDeadlineExceeded,
               error.message() + "; only a restart tells whether it was written");
}

}  // namespace

Result<std::unique_ptr<GroupWriter>> GroupWriter::Start(
    Database db, std::unique_ptr<RecordWriter> records, Checkpointer& checkpointer,
    ChangeTail& tail, Metrics& metrics, telemetry::Logger* logger,
    const Options& options) {
  std::unique_ptr<GroupWriter> out(new GroupWriter(
      std::move(db), std::move(records), checkpointer, tail, metrics, logger, options));
  MR_CHECK_OK(out->Prepare());
  out->thread_ = std::thread([writer = out.get()] { writer->Run(); });
  return out;
}

GroupWriter::GroupWriter(Database db, std::unique_ptr<RecordWriter> records,
                         Checkpointer& checkpointer, ChangeTail& tail, Metrics& metrics,
                         telemetry::Logger* logger, const Options& options)
    : db_(std::move(db)),
      records_(std::move(records)),
      checkpointer_(checkpointer),
      tail_(tail),
      metrics_(metrics),
      logger_(logger),
      options_(options),
      trim_limit_(records_->state().trimmed),
      trimmed_(records_->state().trimmed),
      queue_(options.queue_max, options.queue_max_bytes) {}

Status GroupWriter::Prepare() {
  MR_TRY(idempotency_, IdempotencyTable::Prepare(db_));
  MR_TRY(begin_, db_.Prepare("BEGIN IMMEDIATE"));
  MR_TRY(commit_, db_.Prepare("COMMIT"));
  MR_TRY(rollback_, db_.Prepare("ROLLBACK"));
  sqlite3_wal_hook(
      db_.get(),
      [](void* self, sqlite3* /*db*/, const char* /*name*/, int pages) {
        static_cast<GroupWriter*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return {};
}

GroupWriter::~GroupWriter() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void GroupWriter::Trim(std::uint64_t upto) {
  const auto known = trim_limit_.Raise(upto);
  // Only a writer at rest must learn of it: it starts its idle timer. All others see the
  // new bound with their next group.
  if (known <= trimmed()) queue_.Nudge();
}

Status GroupWriter::health() const {
  const std::scoped_lock lock(health_mutex_);
  if (stopped_) return Fail(*stopped_);
  return {};
}

void GroupWriter::Run() {
  while (true) {
    auto taken = queue_.Take(options_.group_max, kGroupMaxBytes, TrimDue());
    if (!taken.refused.empty()) {
      Refuse(taken.refused, Error(ErrorCode::kResourceExhausted,
                                  "too many writes are waiting: try again later"));
    }
    const auto due = TrimDue();
    const bool trim = due && std::chrono::steady_clock::now() >= *due;
    std::span<WriteRequest> waiting(taken.requests);
    if (waiting.empty() && trim) RunGroup(waiting);
    while (!waiting.empty()) waiting = waiting.subspan(RunGroup(waiting));
    if (taken.closed) return;
  }
}

bool GroupWriter::TrimPending() const {
  const auto upto = std::min(trim_limit_.Get(), records_->state().next_seq - 1);
  return upto > records_->state().trimmed;
}

std::optional<GroupWriter::Time> GroupWriter::TrimDue() const {
  if (stopped_ || failing_ || !TrimPending()) return std::nullopt;
  return last_group_ + options_.idle_trim;
}

std::size_t GroupWriter::RunGroup(std::span<WriteRequest> requests) {
  if (stopped_) return Refuse(requests, *stopped_);
  if (checkpointer_.FinishNow(log_pages_)) checkpointer_.Finish(db_);
  if (const auto fault = checkpointer_.fault()) {
    RollBack(*fault);
    return Refuse(requests, *fault);
  }
  std::vector<Outcome> outcomes;
  const auto started = std::chrono::steady_clock::now();
  if (const auto status = CommitGroup(requests, outcomes); !status) {
    RollBack(status.error());
    return Refuse(requests, status.error());
  }
  const auto ended = std::chrono::steady_clock::now();
  metrics_.commit.Observe(ended - started);
  metrics_.group.Observe(outcomes.size());
  metrics_.log_pages.Set(log_pages_);
  // A trim by itself does not postpone the rest of its work.
  if (!requests.empty()) last_group_ = ended;
  Publish();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].replayed) metrics_.replayed.Add();
    requests[i].done(std::move(outcomes[i].answer), outcomes[i].replayed);
  }
  return outcomes.size();
}

Status GroupWriter::CommitGroup(std::span<WriteRequest> requests,
                                std::vector<Outcome>& outcomes) {
  const auto old_seq = records_->state().next_seq;
  records_->Begin();
  MR_CHECK_OK(RunStatement(begin_, "begin a commit"));
  std::uint64_t answers = 0;
  for (auto& request : requests) {
    MR_CHECK_OK(Execute(request, outcomes.emplace_back()));
    answers += outcomes.back().answer.body.size();
    if (records_->group_bytes() + answers > kGroupMadeBytes) break;
  }
  const auto rows = requests.empty()
                        ? kIdleTrimRows
                        : kTrimRows + 2 * (records_->state().next_seq - old_seq);
  if (!records_->Trim(trim_limit_.Get(), rows) || !records_->Save()) {
    return Fail(*records_->fault());
  }
  if (!idempotency_.Expire(records_->now(), kExpiredAnswers + 2 * outcomes.size())) {
    return Fail(SqliteError(db_.get(), "remove old answers"));
  }
  MR_FAIL_POINT("records.before_commit");
  if (const auto committed = RunStatement(commit_, "commit"); !committed) {
    return Fail(UnknownOutcome(committed.error(), sqlite3_extended_errcode(db_.get())));
  }
  MR_FAIL_POINT("records.after_commit");
  return {};
}

Status GroupWriter::Execute(WriteRequest& request, Outcome& outcome) {
  if (!request.idempotency) return ExecuteOnce(request, outcome);
  bool failed = false;
  auto kept =
      idempotency_.Find(request.tenant, *request.idempotency, records_->now(), failed);
  if (failed) return Fail(SqliteError(db_.get(), "look for a kept answer"));
  if (!kept) return ExecuteOnce(request, outcome);
  if (kept->request_hash == request.idempotency->request_hash) {
    outcome = {std::move(kept->answer), true};
  } else {
    outcome.answer =
        request.render(Fail(ErrorCode::kUnprocessable,
                            "this idempotency key was used for another request before"));
  }
  return {};
}

Status GroupWriter::ExecuteOnce(WriteRequest& request, Outcome& outcome) {
  const auto written = records_->Apply(request);
  if (records_->fault()) return Fail(*records_->fault());
  outcome.answer = request.render(written);
  if (!request.idempotency || (!written && !IsKept(written.error().code()))) return {};
  if (!idempotency_.Keep(request.tenant, *request.idempotency, outcome.answer,
                         records_->now())) {
    return Fail(SqliteError(db_.get(), "keep an answer"));
  }
  return {};
}

Status GroupWriter::RunStatement(Statement& statement, std::string_view action) {
  if (statement.Run() == SQLITE_DONE) return {};
  auto error = SqliteError(db_.get(), action);
  // Another process holds the file: nothing is lost, this group can be sent again.
  if ((sqlite3_errcode(db_.get()) & 0xff) == SQLITE_BUSY) {
    return Fail(ErrorCode::kResourceExhausted, error.message());
  }
  return Fail(std::move(error));
}

void GroupWriter::Publish() {
  checkpointer_.Committed(log_pages_);
  const auto old_trimmed = trimmed();
  auto changes = records_->Committed();
  trimmed_.store(records_->state().trimmed, std::memory_order_release);
  metrics_.trimmed.Add(records_->state().trimmed - old_trimmed);
  metrics_.changes.Add(changes.changes.size());
  if (!changes.changes.empty()) tail_.Publish(std::move(changes));
  if (std::exchange(failing_, false) && logger_ != nullptr) {
    logger_->Info("records are written again");
  }
}

void GroupWriter::RollBack(const Error& error) {
  // SQLite has rolled back by itself after some errors.
  if (sqlite3_get_autocommit(db_.get()) == 0) rollback_.Run();
  records_->RolledBack();
  metrics_.failed_groups.Add();
  if (EndsWriting(error)) {
    const std::scoped_lock lock(health_mutex_);
    stopped_ = Error(ErrorCode::kUnavailable,
                     "writing has stopped until a restart: " + error.message());
  }
  if (std::exchange(failing_, true) || logger_ == nullptr) return;
  logger_->Error(stopped_ ? "records: writing has stopped" : "records: a commit failed",
                 {{"error", error}});
}

std::size_t GroupWriter::Refuse(std::span<WriteRequest> requests, const Error& error) {
  metrics_.refused.Add(requests.size());
  for (auto& request : requests) request.done(request.render(Fail(error)), false);
  return requests.size();
}

}  // namespace millrace::records
