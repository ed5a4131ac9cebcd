#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::pipeline {

/// A prepared statement of SQLite. Texts that are bound must live until Step or Reset.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}

  SqliteStatement& Bind(int index, std::string_view text);
  SqliteStatement& BindBlob(int index, std::string_view bytes);
  SqliteStatement& Bind(int index, std::int64_t value);
  SqliteStatement& BindNull(int index);
  /// True: a row is there. False: done, and the statement can be bound again.
  Result<bool> Step();
  /// Runs to the end, ignoring rows.
  Status Finish();
  void Reset() { sqlite3_reset(statement_.get()); }

  std::int64_t Int(int column) { return sqlite3_column_int64(statement_.get(), column); }
  /// Lives until the next Step.
  std::string_view Text(int column);
  bool IsNull(int column) {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection to a state file of this room. One thread at a time.
class Sqlite {
 public:
  enum class Mode : std::uint8_t {
    kDurable,   ///< a commit survives a power cut
    kOrdered,   ///< a power cut may take the last commits, never parts of one
    kReadOnly,  ///< an existing file
  };
  Sqlite() = default;
  static Result<Sqlite> Open(const std::filesystem::path& path, Mode mode);

  Status Run(const std::string& text);
  Result<SqliteStatement> Prepare(std::string_view text);
  /// Makes all commits durable and empties the write-ahead log.
  Status Checkpoint() { return Run("PRAGMA wal_checkpoint(TRUNCATE)"); }
  Error LastError(std::string_view action) const;

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// A transaction that is rolled back unless it was committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(Sqlite& db) : db_(db) {}
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction();
  Status Begin();
  Status Commit();

 private:
  Sqlite& db_;
  bool open_ = false;
};

}  // namespace millrace::pipeline
