#include "sqlite.hpp"

namespace millrace::pipeline {
namespace {

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

Error ErrorOf(sqlite3* db, int code, std::string_view action) {
  std::string message(action);
  message += ": ";
  message += db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  return Error(CodeOf(code), std::move(message));
}

}  // namespace

SqliteStatement& SqliteStatement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.data() != nullptr ? text.data() : "",
                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), index,
                      bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

SqliteStatement& SqliteStatement::BindNull(int index) {
  sqlite3_bind_null(statement_.get(), index);
  return *this;
}

Result<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3* db = sqlite3_db_handle(statement_.get());
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  Error error = ErrorOf(db, code, "pipeline state");
  sqlite3_reset(statement_.get());
  return Fail(std::move(error));
}

Status SqliteStatement::Finish() {
  while (true) {
    MR_TRY(const bool more, Step());
    if (!more) return {};
  }
}

std::string_view SqliteStatement::Text(int column) {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const auto size =
      static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
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
  sqlite3_busy_timeout(raw, 5000);
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
  const int code = sqlite3_exec(db_.get(), text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(ErrorOf(db_.get(), code, "pipeline state"));
  return {};
}

Result<SqliteStatement> Sqlite::Prepare(std::string_view text) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(db_.get(), text.data(), static_cast<int>(text.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Fail(ErrorOf(db_.get(), code, "pipeline state"));
  return SqliteStatement(statement);
}

Error Sqlite::LastError(std::string_view action) const {
  return ErrorOf(db_.get(), sqlite3_extended_errcode(db_.get()), action);
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

}  // namespace millrace::pipeline
