#include "sqlite/sqlite.hpp"

#include <sqlite3.h>

namespace millrace {
namespace {

constexpr int kBusyMs = 5000;

ErrorCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

std::string NameOf(sqlite3* db) {
  const char* path = sqlite3_db_filename(db, "main");
  return std::filesystem::path(path != nullptr ? path : "").filename();
}

Error ErrorOf(sqlite3* db, int code, std::string_view action) {
  std::string message(action);
  message += ": ";
  message += db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  return Error(CodeOf(code), std::move(message));
}

sqlite3* Db(const auto& handle) { return static_cast<sqlite3*>(handle.get()); }
sqlite3_stmt* Stmt(const auto& handle) {
  return static_cast<sqlite3_stmt*>(handle.get());
}

}  // namespace

void SqliteStatement::Finalize::operator()(void* statement) const {
  sqlite3_finalize(static_cast<sqlite3_stmt*>(statement));
}

void Sqlite::Close::operator()(void* db) const {
  sqlite3_close_v2(static_cast<sqlite3*>(db));
}

SqliteStatement& SqliteStatement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(Stmt(statement_), index, text.data() != nullptr ? text.data() : "",
                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(Stmt(statement_), index,
                      bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int index, std::int64_t value) {
  sqlite3_bind_int64(Stmt(statement_), index, value);
  return *this;
}

SqliteStatement& SqliteStatement::BindNull(int index) {
  sqlite3_bind_null(Stmt(statement_), index);
  return *this;
}

Result<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(Stmt(statement_));
  if (code == SQLITE_ROW) return true;
  sqlite3* db = sqlite3_db_handle(Stmt(statement_));
  if (code == SQLITE_DONE) {
    sqlite3_reset(Stmt(statement_));
    return false;
  }
  Error error = ErrorOf(db, code, NameOf(db));
  sqlite3_reset(Stmt(statement_));
  return Fail(std::move(error));
}

Status SqliteStatement::Finish() {
  while (true) {
    MR_TRY(const bool more, Step());
    if (!more) return {};
  }
}

void SqliteStatement::Reset() { sqlite3_reset(Stmt(statement_)); }

std::int64_t SqliteStatement::Int(int column) {
  return sqlite3_column_int64(Stmt(statement_), column);
}

bool SqliteStatement::IsNull(int column) {
  return sqlite3_column_type(Stmt(statement_), column) == SQLITE_NULL;
}

std::string_view SqliteStatement::Text(int column) {
  const void* bytes = sqlite3_column_blob(Stmt(statement_), column);
  const auto size =
      static_cast<std::size_t>(sqlite3_column_bytes(Stmt(statement_), column));
  return {static_cast<const char*>(bytes), bytes == nullptr ? 0 : size};
}

Result<Sqlite> Sqlite::Open(const std::filesystem::path& path, Mode mode) {
  Sqlite db;
  sqlite3* raw = nullptr;
  const int flags = mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY
                                            : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  db.db_.reset(raw);
  if (code != SQLITE_OK) return Fail(ErrorOf(raw, code, "open " + path.string()));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMs);
  if (mode == Mode::kReadOnly) return db;
  MR_CHECK_OK(db.Run(mode == Mode::kDurable
                         ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
                         : "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                           "PRAGMA wal_autocheckpoint=0"));
  // What a killed process left in the write-ahead log can be read but need not be
  // durable.
  MR_CHECK_OK(db.Checkpoint());
  return db;
}

Status Sqlite::Run(const std::string& text) {
  const int code = sqlite3_exec(Db(db_), text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(ErrorOf(Db(db_), code, NameOf(Db(db_))));
  return {};
}

Status Sqlite::Checkpoint() {
  sqlite3* db = Db(db_);
  sqlite3_busy_timeout(db, 0);
  int code = sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                       nullptr);
  sqlite3_busy_timeout(db, kBusyMs);
  if ((code & 0xff) == SQLITE_BUSY) {
    // What others hold back stays in the log, which need not be durable yet.
    sqlite3_file* log = nullptr;
    code = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
                                static_cast<void*>(&log));
    if (code == SQLITE_OK && log != nullptr && log->pMethods != nullptr)
      code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  }
  if (code != SQLITE_OK) return Fail(ErrorOf(db, code, "checkpoint " + NameOf(db)));
  return {};
}

Result<SqliteStatement> Sqlite::Prepare(std::string_view text) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(Db(db_), text.data(), static_cast<int>(text.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Fail(ErrorOf(Db(db_), code, NameOf(Db(db_))));
  SqliteStatement prepared;
  prepared.statement_.reset(statement);
  return prepared;
}

SqliteTransaction::~SqliteTransaction() {
  // A failed statement may have ended the transaction already: nothing to undo then.
  if (open_) static_cast<void>(db_.Run("ROLLBACK"));
}

Status SqliteTransaction::Begin() {
  MR_CHECK_OK(db_.Run("BEGIN IMMEDIATE"));
  open_ = true;
  return {};
}

Status SqliteTransaction::Commit() {
  MR_CHECK_OK(db_.Run("COMMIT"));
  open_ = false;
  return {};
}

}  // namespace millrace
