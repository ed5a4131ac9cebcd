#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::records {

/// What the last failed call on `db` means to our callers: full disk kResourceExhausted,
/// busy kUnavailable, damaged kDataLoss, interrupted kDeadlineExceeded, other I/O
/// kUnavailable, the rest kInternal.
Error SqliteError(sqlite3* db, std::string_view action);

/// A prepared statement, kept and reused. Texts are bound without a copy: they must live
/// until Reset.
class Statement {
 public:
  Statement() = default;
  static Result<Statement> Prepare(sqlite3* db, std::string_view sql);

  void Bind(int at, std::string_view text);
  void BindCopy(int at, std::string_view text);
  void Bind(int at, std::int64_t value);
  void Bind(int at, double value);
  void BindNull(int at);
  /// SQLITE_ROW, SQLITE_DONE or an error code. Reset before the next Bind.
  int Step() { return sqlite3_step(statement_.get()); }
  void Reset() { sqlite3_reset(statement_.get()); }
  /// Step for statements without rows; always reset afterwards.
  int Run();
  /// Valid until the next Step or Reset.
  std::string_view Text(int column) const;
  std::int64_t Int(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
  }
  sqlite3* db() const { return sqlite3_db_handle(statement_.get()); }
  sqlite3_stmt* get() const { return statement_.get(); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// The rows of a select of two texts, by the first.
using TextPairs = std::map<std::string, std::string, std::less<>>;
Result<TextPairs> ReadPairs(Statement& select, std::string_view action);

/// Resets at the end of a scope: a statement left open would keep its snapshot.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement& statement_;
};

/// One connection; one thread at a time.
class Database {
 public:
  enum class Mode : std::uint8_t { kWriter, kReader, kForeignReader, kCopy };
  struct Options {
    Mode mode = Mode::kReader;
    std::int64_t cache_kib = 2048;
  };
  Database() = default;
  /// kWriter creates the file. kForeignReader is for other processes: it never writes,
  /// checkpoints or removes anything. kCopy creates a file that is written in one go and
  /// that its owner syncs.
  static Result<Database> Open(const std::filesystem::path& path, const Options& options);

  Status Exec(const std::string& sql);
  Result<Statement> Prepare(std::string_view sql) {
    return Statement::Prepare(db_.get(), sql);
  }
  /// First column of the first row; `otherwise` when there is no row.
  Result<std::int64_t> QueryInt(std::string_view sql, std::int64_t otherwise);
  sqlite3* get() const { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// "name", with quotes doubled.
std::string QuotedName(std::string_view name);
/// 'text', with quotes doubled.
std::string QuotedText(std::string_view text);

inline constexpr std::string_view kDatabaseFile = "records.db";

}  // namespace millrace::records
