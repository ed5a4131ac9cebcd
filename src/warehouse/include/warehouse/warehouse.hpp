#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "query/query.hpp"
#include "schema/type.hpp"
#include "sql/batch.hpp"

namespace millrace::warehouse {

struct TableSpec {
  std::string name;
  std::string key;          ///< one of `columns`
  schema::Columns columns;  ///< of the view, without `_version`
  std::string owner;        ///< "<pipeline>/<sink>": one writer a table
  /// Which of the streams that feed the table this writer brings: each has a position of
  /// its own. 0 is the stream of changes.
  std::uint32_t partition = 0;
  /// Columns that keep the value that the record's first version has: of its current
  /// life, which begins after the newest tombstone before. Other ones are
  /// kInvalidArgument later.
  std::vector<std::string> insert_only;
  /// Columns that readers filter by. The first one is the order of the base where there
  /// are no indexes; the others are for servers.
  std::vector<std::vector<std::string>> indexes;
};

/// Where a table stands: `next` offset of a stream, and the version of the last event.
struct TablePosition {
  Offset next = 0;
  Version version;
  std::uint32_t partition = 0;  ///< as TableSpec
};

/// A state of a record, by the text form of its key.
struct KeyVersion {
  std::string key;
  Version version;
};

struct TableInfo {
  std::string name;
  std::string key;
  schema::Columns columns;
  std::string owner;
  std::optional<TablePosition> position;  ///< of partition 0
  std::uint64_t base_rows = 0, delta_rows = 0;
  std::uint64_t merges = 0;
  double worst_merge_seconds = 0, last_merge_seconds = 0;
};

/// The newest that a table knows of a key.
struct RowVersion {
  Version version;
  bool deleted = false;  ///< a tombstone: the record was deleted, or left the filter
};

/// The reading half: tables by key, and lake tables. Any thread.
class WarehouseReader {
 public:
  virtual ~WarehouseReader() = default;

  /// Every table, then every lake table ("lake.orders_history"); of one whose files
  /// cannot be read, with the columns that were last known, or none.
  virtual Result<std::vector<TableInfo>> Tables() = 0;
  /// One of them, without a look at others. kNotFound, and why a lake table cannot be
  /// read.
  virtual Result<TableInfo> FindTable(const std::string& name) = 0;
  /// What the table has of one key, given as text (as in a URL); nullopt: never seen.
  /// Looks at the rows around the key only. kNotFound: the table; kInvalidArgument: no
  /// value of the key's type; kDeadlineExceeded.
  virtual Result<std::optional<RowVersion>> FindKey(const std::string& table,
                                                    const std::string& key,
                                                    Deadline deadline) = 0;
  /// Which of these states are older than what the table knows of their keys, deletes
  /// included: their rows have no effect. Keys that are not of the key's type are none.
  virtual Result<std::vector<bool>> Superseded(const std::string& table,
                                               const std::vector<KeyVersion>& states) = 0;
  /// Rows of a table, or of a lake table ("lake.orders_history"), with filters, order and
  /// cursor: as JSON objects. `position`: of the table before the read (tables only).
  struct RowsPage {
    std::vector<std::string> rows;
    std::optional<std::string> next_cursor;
    std::optional<TablePosition> position;
  };
  /// One page of such rows. `table`: as FindTable told it when the query was made, whose
  /// columns these are. kUnavailable when the table has other columns now (it was
  /// replaced: ask FindTable again), kNotFound, kInvalidArgument (the cursor),
  /// kDeadlineExceeded.
  virtual Result<RowsPage> Rows(const TableInfo& table, const query::Query& query,
                                Deadline deadline) = 0;
  /// Waits until the table's version is at least `version`: true; false on the deadline.
  virtual Result<bool> WaitFor(const std::string& table, const Version& version,
                               Deadline deadline) = 0;
  /// One SELECT over tables and lake tables, in blocks; bounded in time and memory.
  virtual Status Query(const std::string& select, Deadline deadline,
                       const std::function<bool(const sql::Batch& block)>& each) = 0;
};

/// Tables by key that always show the newest version of each record, with the position
/// of their writer in the same transaction. Adapters: warehouse/embedded (DuckDB).
/// Any thread; Apply for one partition of a table from one thread.
class Warehouse : public WarehouseReader {
 public:
  /// Creates the table, adds new columns (null in old rows), widens others
  /// (schema::Widens). kInvalidArgument naming the column when the key or a type changed
  /// otherwise, or the owner is another; a column the
  /// spec no longer has stays, null in new rows. Gives where the spec's partition stands;
  /// nullopt: never started.
  virtual Result<std::optional<TablePosition>> OpenTable(const TableSpec& spec) = 0;
  /// Commits the first position of a partition. kFenced if it has one.
  virtual Status StartTable(const std::string& table, std::uint32_t partition,
                            Offset first) = 0;
  /// One transaction: rows (the spec's columns by name, `_version`), tombstones (key
  /// column, `_version`), and the position of `to.partition` moves from `expected` to
  /// `to`, whatever order its events have among those of other partitions. An older
  /// version than the stored one has no effect. kFenced if the position is not `expected`
  /// (nothing written). Durable and visible on return.
  virtual Status Apply(const std::string& table, const sql::Batch& rows,
                       const sql::Batch& tombstones, Offset expected,
                       const TablePosition& to) = 0;
  /// Of every table, but no lake table: without a look at files.
  virtual std::vector<std::string> TableNames() = 0;
  /// Removes table and position in one transaction. kNotFound.
  virtual Status DropTable(const std::string& table) = 0;
  /// `with` takes the place of `table`: name, rows, position and owner, in one
  /// transaction (after a crash both are there as they were, or only `table` is). The old
  /// rows are dropped; an absent `table` is fine: then it is a change of name. Reads
  /// under way see the old ones. Writing needs OpenTable again. kNotFound: there is no
  /// `with`.
  virtual Status Replace(const std::string& table, const std::string& with) = 0;
};

}  // namespace millrace::warehouse
