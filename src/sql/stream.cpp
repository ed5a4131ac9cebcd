#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "engine_impl.hpp"
#include "error.hpp"
#include "side_effects.hpp"
#include "sql_text.hpp"

namespace millrace::sql {
namespace {

/// Interrupts a connection when the deadline passes; lives as long as one query.
class Alarm {
 public:
  Alarm(duckdb_connection connection, Deadline deadline) {
    if (deadline.at() == Deadline::Never().at()) return;
    thread_ = std::thread([this, connection, deadline] { Wait(connection, deadline); });
  }
  ~Alarm() {
    {
      const std::scoped_lock lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  void Wait(duckdb_connection connection, Deadline deadline) {
    constexpr auto kAgain = std::chrono::milliseconds(5);
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline.at(), [this] { return done_; });
    // A query that is only just starting forgets an interrupt, hence again and again.
    while (!done_) {
      duckdb_interrupt(connection);
      changed_.wait_for(lock, kAgain, [this] { return done_; });
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

Error TooLate() { return {ErrorCode::kDeadlineExceeded, "the query took too long"}; }

bool TakeWord(std::string_view& text, std::string_view lower) {
  SkipSpace(text);
  if (text.size() < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != lower[i]) return false;
  }
  text.remove_prefix(lower.size());
  return true;
}

std::unexpected<Error> OnlyReads() {
  return Fail(ErrorCode::kInvalidArgument,
              "only one SELECT (or EXPLAIN, DESCRIBE, SHOW, SUMMARIZE) is allowed here");
}

/// `(ANALYZE, FORMAT json)` as it stands, "" where there is none; nullopt: something else
/// in brackets.
std::optional<std::string_view> TakeOptions(std::string_view& text) {
  SkipSpace(text);
  if (!text.starts_with("(")) return "";
  const auto end = text.find(')');
  const auto options = text.substr(0, end == std::string_view::npos ? end : end + 1);
  const auto plain = [](unsigned char c) {
    return std::isalpha(c) != 0 || c == '_' || c == ' ' || c == ',';
  };
  if (options.size() < 2 || !options.ends_with(')') ||
      !std::ranges::all_of(options.substr(1, options.size() - 2), plain)) {
    return std::nullopt;
  }
  text.remove_prefix(options.size());
  return options;
}

/// The same EXPLAIN, put together of what was looked at: were the text itself run, then
/// wherever the engine reads it otherwise than this does, something else would run.
/// EXPLAIN ANALYZE runs what it explains, hence only a SELECT may follow.
Result<std::string> CheckedExplain(duckdb_connection connection, std::string_view text) {
  std::string checked = "EXPLAIN ";
  if (!TakeWord(text, "explain")) return OnlyReads();
  if (TakeWord(text, "analyze")) checked += "ANALYZE ";
  const auto options = TakeOptions(text);
  if (!options) return OnlyReads();
  const std::string explained(text);
  const auto statement = PrepareReadable(connection, explained);
  if (!statement || (*statement)->kind != DUCKDB_STATEMENT_TYPE_SELECT) {
    return OnlyReads();
  }
  checked.append(*options).append(" ").append(explained);
  return checked;
}

/// Prepares a statement that writes nothing.
Result<std::unique_ptr<Statement::Impl>> PrepareReading(duckdb_connection connection,
                                                        const std::string& text) {
  MR_TRY(auto statement, PrepareReadable(connection, text));
  if (statement->kind == DUCKDB_STATEMENT_TYPE_SELECT) return statement;
  if (statement->kind != DUCKDB_STATEMENT_TYPE_EXPLAIN) return OnlyReads();
  MR_TRY(const auto checked, CheckedExplain(connection, text));
  return PrepareReadable(connection, checked);
}

/// A statement is planned by what the engine knows of the tables' values at that moment:
/// which are smallest, whether any is null. Run in a later transaction it would see rows
/// that this is not true of, and miss them or show them wrongly. So both happen in one.
class OneMoment {
 public:
  static Result<OneMoment> Begin(duckdb_connection connection) {
    MR_CHECK_OK(Run(connection, "BEGIN TRANSACTION"));
    return OneMoment(connection);
  }
  OneMoment(OneMoment&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  OneMoment& operator=(OneMoment&&) = delete;
  ~OneMoment() {
    // Whatever became of the statement: it wrote nothing.
    if (connection_ != nullptr) static_cast<void>(Run(connection_, "ROLLBACK"));
  }

 private:
  explicit OneMoment(duckdb_connection connection) : connection_(connection) {}
  static Status Run(duckdb_connection connection, const char* text) {
    Answer answer;
    if (duckdb_query(connection, text, answer.get()) == DuckDBSuccess) return {};
    return Fail(answer.error());
  }
  duckdb_connection connection_;
};

Batch BlockBatch(Chunk chunk, const std::shared_ptr<const Layout>& layout) {
  auto batch = std::make_unique<Batch::Impl>();
  batch->layout = layout;
  batch->Add(std::move(chunk));
  return Batch(std::move(batch));
}

Status HandOver(Answer& answer, const std::shared_ptr<const Layout>& layout,
                Deadline deadline, const std::function<bool(const Batch& block)>& each) {
  bool any = false;
  while (duckdb_data_chunk handle = duckdb_fetch_chunk(*answer.get())) {
    Chunk chunk(handle);
    if (duckdb_data_chunk_get_size(handle) == 0) continue;
    if (deadline.expired()) return Fail(TooLate());
    any = true;
    if (!each(BlockBatch(std::move(chunk), layout))) return {};
  }
  if (duckdb_result_error(answer.get()) != nullptr) {
    return Fail(deadline.expired() ? TooLate() : answer.error());
  }
  if (!any) {  // so that the columns are known
    auto empty = std::make_unique<Batch::Impl>();
    empty->layout = layout;
    each(Batch(std::move(empty)));
  }
  return {};
}

struct PendingCloser {
  void operator()(_duckdb_pending_result* pending) const {
    duckdb_destroy_pending(&pending);
  }
};
using Pending = std::unique_ptr<_duckdb_pending_result, PendingCloser>;

/// Runs the statement until its first rows are there. False: the engine will never give
/// any, as all that is left to do waits for somebody to take rows which it does not offer
/// yet (a known fault of the engine where parts of a union have joins below them).
/// Nobody but the caller's thread does anything for a statement: see Engine.
Result<bool> Begin(const Statement::Impl& statement, Answer& answer) {
  duckdb_pending_result handle = nullptr;
  duckdb_pending_prepared_streaming(statement.prepared.get(), &handle);
  const Pending pending(handle);
  auto state = DUCKDB_PENDING_RESULT_NOT_READY;
  while (state == DUCKDB_PENDING_RESULT_NOT_READY) {
    state = duckdb_pending_execute_task(pending.get());
  }
  if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) return false;
  if (state == DUCKDB_PENDING_ERROR) {  // executed, it would say that of bad input
    const char* message = duckdb_pending_error(handle);
    return Fail(ToError(DUCKDB_ERROR_INVALID, message == nullptr ? "" : message));
  }
  if (duckdb_execute_pending(pending.get(), answer.get()) == DuckDBSuccess) return true;
  return Fail(answer.error());
}

}  // namespace

Status Session::Stream(const std::string& select, Deadline deadline,
                       const std::function<bool(const Batch& block)>& each) {
  if (deadline.expired()) return Fail(TooLate());
  MR_CHECK_OK(CheckOnlyReads(*this, select));
  MR_TRY(const auto moment, OneMoment::Begin(impl_->connection));
  MR_TRY(auto statement, PrepareReading(impl_->connection, select));
  MR_CHECK_OK(BindLiterals(statement->prepared.get(), {}));
  Answer answer;
  const Alarm alarm(impl_->connection, deadline);
  auto begun = Begin(*statement, answer);
  if (begun && !*begun) {
    MR_TRY(statement, PrepareReadable(impl_->connection, select, Rows::kAllFirst));
    begun = Begin(*statement, answer);
  }
  if (!begun) return Fail(deadline.expired() ? TooLate() : std::move(begun).error());
  if (!*begun) return Fail(ErrorCode::kInternal, "the engine does not go on");
  MR_TRY(const auto layout, LayoutOf(*answer.get(), statement->layout));
  return HandOver(answer, layout, deadline, each);
}

}  // namespace millrace::sql
