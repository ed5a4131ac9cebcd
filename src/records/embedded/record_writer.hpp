#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "change_table.hpp"
#include "key_source.hpp"
#include "record_table.hpp"
#include "records/record_store.hpp"
#include "schema/record_codec.hpp"
#include "sqlite.hpp"
#include "store_state.hpp"

namespace millrace::records {

/// Turns requests into rows within the writer's open transaction: records, changes, sums
/// and floors, the last two once a group. Knows nothing of threads, queues and answers.
class RecordWriter {
 public:
  static Result<std::unique_ptr<RecordWriter>> Open(
      Database& db, const std::vector<schema::Collection>& collections,
      std::string source, const Clock& clock);

  /// A group begins: fixes its commit time, never before the last one's.
  void Begin();
  /// All ops or none. A failure of SQLite leaves fault() set: roll the group back.
  Result<std::vector<Written>> Apply(WriteRequest& request);
  /// Writes changes, sums and floors of the group; false: fault() is set.
  bool Save();
  /// Deletes change rows of earlier groups up to `upto`, at most max_rows of them, before
  /// Save; false: fault() is set.
  bool Trim(std::uint64_t upto, std::uint64_t max_rows);
  /// The group is durable: hands its changes over.
  ChangeBatch Committed();
  /// The group is gone: sequence, sums and floors are as they were at Begin.
  void RolledBack();

  const std::optional<Error>& fault() const { return fault_; }
  TimestampUs now() const { return state_.time_floor; }
  const StoreState& state() const { return state_; }
  std::size_t group_bytes() const { return changes_.bytes(); }

 private:
  struct Target {
    schema::RecordCodec codec;
    RecordTable table;
    CollectionState state, committed;
    std::int64_t minute = 0;  ///< of its last commit by this process
  };
  RecordWriter(sqlite3* db, std::string source, const Clock& clock, StoreState state);
  Status Prepare(Database& db, const std::vector<schema::Collection>& collections);
  bool Mark(const std::string& name, const Target& target);

  Result<std::vector<Written>> ApplyAll(Target& target, WriteRequest& request);
  Result<Written> ApplyOne(Target& target, const WriteRequest& request, WriteOp& op);
  Result<Written> Insert(Target& target, const WriteRequest& request, const WriteOp& op);
  Result<Written> Alter(Target& target, const WriteRequest& request, WriteOp& op);
  Result<std::string> NewDocument(Target& target, const WriteOp& op,
                                  const RecordTable::Found& found,
                                  const Version& version) const;
  Status Check(Target& target, RecordTable::Outcome outcome);
  void Log(Target& target, const Change& change);
  Version NextVersion() const { return {state_.epoch, state_.next_seq, 0}; }
  std::unexpected<Error> Fault(std::string_view action);

  sqlite3* const db_;  ///< for what went wrong; its owner may move
  const std::string source_;
  const Clock& clock_;
  StoreState state_, committed_;
  KeySource keys_;
  std::map<std::string, Target, std::less<>> targets_;
  ChangeTable change_table_;
  ChangeCollector changes_;
  StateTables state_tables_;
  Statement savepoint_, release_, rollback_to_;
  std::optional<Error> fault_;
};

}  // namespace millrace::records
