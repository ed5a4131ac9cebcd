#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/copy.hpp"
#include "base/file.hpp"
#include "sql/engine.hpp"
#include "telemetry/log.hpp"
#include "write_gate.hpp"

namespace millrace::warehouse {

/// What everything that writes shares. Any thread.
struct Database {
  /// What copies read, once opened; closing it would end the engine's lock on the file.
  File copied;
  std::unique_ptr<sql::Engine> engine;
  std::filesystem::path file;
  bool read_only = false;
  telemetry::Logger* logger = nullptr;  ///< may be null
  WriteGate gate;
  std::mutex definitions;  ///< held from a change of definitions to its commit
  std::mutex merging;      ///< held for a merge; before checkpoints
  std::mutex checkpoints;  ///< one at a time

  /// Folds the write-ahead log into the file; waits until no one writes. Needs the
  /// catalog. kConflict: a read under way that began before the last write; try later.
  Status Checkpoint();
  /// The same where the log is twice as long as `wal_bytes`, and nothing is in the way.
  Status CheckpointIfLong(std::uint64_t wal_bytes);
  /// As CopyableWarehouse::CopyTo.
  Status CopyTo(const std::filesystem::path& to, const CopyProgress& progress);
  std::filesystem::path wal() const { return file.string() + ".wal"; }
  /// Length of the write-ahead log.
  std::uint64_t WalBytes() const;
  /// What a commit came to. After kInternal the engine's tables in memory may be half
  /// written, while file and log are whole: nothing may be written any more.
  void Judge(const Status& commit);
  /// Why nothing may be written any more: Transaction::Begin and Checkpoint fail so.
  Status CheckSound() const;

 private:
  Status FoldLog();
  Status FoldLogAlone();
  Result<std::uint64_t> FoldLogToCopy();
  mutable std::mutex broken_mutex_;
  std::optional<Error> broken_;
};

/// Under another name until it is whole: the engine refuses a file that a failed or
/// killed first start left half made.
Status CreateDatabase(const std::filesystem::path& file);

/// Text that creates what Checkpoint needs.
std::string CreateCheckpointMark();

/// A writing transaction of a session; without Commit it is rolled back.
class Transaction {
 public:
  static Result<Transaction> Begin(Database& database, sql::Session& session);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Durable on success; nothing was written on failure.
  Status Commit();

 private:
  Transaction(Database& database, sql::Session& session)
      : database_(&database), session_(&session) {}
  Database* database_;
  sql::Session* session_;  ///< null when it has ended
};

}  // namespace millrace::warehouse
