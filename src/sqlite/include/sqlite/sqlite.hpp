#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace {

/// A prepared statement of SQLite. Texts that are bound must live until Step or Reset.
class SqliteStatement {
 public:
  SqliteStatement() = default;

  SqliteStatement& Bind(int index, std::string_view text);
  SqliteStatement& BindBlob(int index, std::string_view bytes);
  SqliteStatement& Bind(int index, std::int64_t value);
  SqliteStatement& BindNull(int index);
  /// True: a row is there. False: done, and the statement can be bound again.
  Result<bool> Step();
  /// Runs to the end, ignoring rows.
  Status Finish();
  void Reset();

  std::int64_t Int(int column);
  /// Lives until the next Step.
  std::string_view Text(int column);
  bool IsNull(int column);

 private:
  friend class Sqlite;
  struct Finalize {
    void operator()(void* statement) const;
  };
  std::unique_ptr<void, Finalize> statement_;  ///< the library's
};

/// One connection to an SQLite file. One thread at a time. Errors name the file:
/// kResourceExhausted (disk full), kDataLoss (damaged), kUnavailable (busy, I/O),
/// kInternal.
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
  /// Makes all commits durable, and empties the write-ahead log unless another connection
  /// reads or writes; does not wait for it.
  Status Checkpoint();

 private:
  struct Close {
    void operator()(void* db) const;
  };
  std::unique_ptr<void, Close> db_;  ///< the library's
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

}  // namespace millrace
