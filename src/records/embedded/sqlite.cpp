#include "sqlite.hpp"

#include <cerrno>

#include "field_function.hpp"

namespace millrace::records {
namespace {

/// How long a commit waits for another process that holds the write lock (a person with
/// the sqlite3 shell): the server itself has one writer only.
constexpr int kBusyMs = 5000;

ErrorCode CodeOf(int extended, int system_errno) {
  const bool no_room = system_errno == ENOSPC || system_errno == EDQUOT;
  switch (extended & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::kResourceExhausted;
    case SQLITE_IOERR:
      // After a failed fsync the kernel may have dropped pages: never "try again".
      if (no_room && extended != SQLITE_IOERR_FSYNC) return ErrorCode::kResourceExhausted;
      return ErrorCode::kUnavailable;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataLoss;
    case SQLITE_INTERRUPT:
      return ErrorCode::kDeadlineExceeded;
    default:
      return ErrorCode::kInternal;
  }
}

std::string Quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

std::string Pragmas(const Database::Options& options) {
  std::string sql = "PRAGMA cache_size=-" + std::to_string(options.cache_kib) + ";";
  if (options.mode == Database::Mode::kWriter) {
    // Checkpoints are made by Checkpointer, not by whichever commit comes along.
    sql +=
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
        "PRAGMA temp_store=MEMORY;";
  } else if (options.mode == Database::Mode::kCopy) {
    sql += "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;";
  } else {
    sql += "PRAGMA query_only=1; PRAGMA temp_store=MEMORY;";
  }
  return sql;
}

int OpenFlags(Database::Mode mode) {
  switch (mode) {
    case Database::Mode::kWriter:
    case Database::Mode::kCopy:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    case Database::Mode::kReader:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    case Database::Mode::kForeignReader:
      return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  }
  return SQLITE_OPEN_READONLY;
}

}  // namespace

Error SqliteError(sqlite3* db, std::string_view action) {
  const int extended = sqlite3_extended_errcode(db);
  const int system_errno = sqlite3_system_errno(db);
  std::string message(action);
  message += ": ";
  message += sqlite3_errmsg(db);
  if ((extended & 0xff) == SQLITE_IOERR) {
    message +=
        " (" + std::to_string(extended) + ", errno " + std::to_string(system_errno) + ")";
  }
  return Error(CodeOf(extended, system_errno), std::move(message));
}

Result<Statement> Statement::Prepare(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) {
    return Fail(SqliteError(db, "prepare " + std::string(sql.substr(0, 200))));
  }
  Statement out;
  out.statement_.reset(raw);
  return out;
}

void Statement::Bind(int at, std::string_view text) {
  // A view without bytes may have no address, which SQLite would read as NULL.
  const char* bytes = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text(statement_.get(), at, bytes, static_cast<int>(text.size()),
                    SQLITE_STATIC);
}

void Statement::BindCopy(int at, std::string_view text) {
  const char* bytes = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text(statement_.get(), at, bytes, static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
}

void Statement::Bind(int at, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), at, value);
}

void Statement::Bind(int at, double value) {
  sqlite3_bind_double(statement_.get(), at, value);
}

void Statement::BindNull(int at) { sqlite3_bind_null(statement_.get(), at); }

Result<TextPairs> ReadPairs(Statement& select, std::string_view action) {
  TextPairs out;
  int code = SQLITE_OK;
  while ((code = select.Step()) == SQLITE_ROW) {
    out[std::string(select.Text(0))] = std::string(select.Text(1));
  }
  if (code != SQLITE_DONE) return Fail(SqliteError(select.db(), action));
  return out;
}

int Statement::Run() {
  const int code = Step();
  Reset();
  return code;
}

std::string_view Statement::Text(int column) const {
  const auto* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return {};
  const auto size = sqlite3_column_bytes(statement_.get(), column);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

Result<Database> Database::Open(const std::filesystem::path& path,
                                const Options& options) {
  // Memory statistics cost a lock an allocation and nobody reads them. Only the first
  // call of the process has an effect.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(configured);
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, OpenFlags(options.mode), nullptr);
  Database out;
  out.db_.reset(raw);
  const auto action = "open " + path.string();
  if (code != SQLITE_OK) return Fail(SqliteError(raw, action));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMs);
  if (options.mode == Mode::kForeignReader) {
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  MR_CHECK_OK(RegisterFieldFunction(raw));
  if (auto status = out.Exec(Pragmas(options)); !status) {
    return Fail(std::move(status).error().During(action));
  }
  return out;
}

Status Database::Exec(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return {};
  }
  return Fail(SqliteError(db_.get(), sql.substr(0, 200)));
}

Result<std::int64_t> Database::QueryInt(std::string_view sql, std::int64_t otherwise) {
  MR_TRY(auto statement, Prepare(sql));
  const int code = statement.Step();
  if (code == SQLITE_ROW) return statement.Int(0);
  if (code == SQLITE_DONE) return otherwise;
  return Fail(SqliteError(db_.get(), sql));
}

std::string QuotedName(std::string_view name) { return Quoted(name, '"'); }

std::string QuotedText(std::string_view text) { return Quoted(text, '\''); }

}  // namespace millrace::records
