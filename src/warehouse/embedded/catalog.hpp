#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sql/engine.hpp"
#include "table_sql.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::warehouse {

/// What the catalog holds of a table.
struct StoredTable {
  TableShape shape;
  std::string owner;
  std::map<std::uint32_t, TablePosition> positions;  ///< by partition
  std::uint64_t merges = 0;
  double worst_merge_seconds = 0, last_merge_seconds = 0;
};

/// The tables _mr._mr_tables and _mr._mr_positions. Each call works within the
/// transaction of the session; one thread at a time.
class Catalog {
 public:
  /// Creates what is absent. kConflict: a newer format; nothing was changed.
  static Status Prepare(sql::Session& session, bool read_only);
  static Result<std::vector<StoredTable>> Load(sql::Session& session);

  static Status Insert(sql::Session& session, const StoredTable& table);
  /// Deltas and numbers of merges.
  static Status Update(sql::Session& session, const StoredTable& table);
  static Status Remove(sql::Session& session, const std::string& table);
  /// Gives the table that was called `from`, and its positions, the shape's name and
  /// numbers.
  static Status Rename(sql::Session& session, const std::string& from,
                       const TableShape& to);
  /// kFenced if there is one.
  static Status InsertPosition(sql::Session& session, const std::string& table,
                               const std::string& owner, const TablePosition& first);
};

/// Moves a position: prepared once, run by each Apply. Parameters: next offset, version,
/// table, partition, expected offset. Gives the number of rows that moved.
std::string MovePosition();

}  // namespace millrace::warehouse
