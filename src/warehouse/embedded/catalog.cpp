#include "catalog.hpp"

#include <limits>

#include "base/json.hpp"
#include "database.hpp"

namespace millrace::warehouse {
namespace {

constexpr int kFormat = 2;
/// Of positions that a program of format 1 reads as they are meant.
constexpr int kOldFormat = 1;

std::string Text(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Real(double value) {
  std::string out;
  AppendDouble(out, value);
  return out;
}

/// Of the tables that there are.
Status CheckFormat(sql::Session& session) {
  MR_TRY(const auto tables,
         session.Query("SELECT table_name FROM duckdb_tables() WHERE schema_name = '_mr' "
                       "AND table_name IN ('_mr_tables', '_mr_positions')"));
  for (std::size_t row = 0; row < tables.rows(); ++row) {
    MR_TRY(const auto answer,
           session.Query("SELECT coalesce(max(format), 0)::BIGINT FROM _mr." +
                         sql::QuoteName(tables.Text(0, row))));
    if (answer.Int64(0, 0) <= kFormat) continue;
    return Fail(ErrorCode::kConflict,
                "the warehouse has format " + std::to_string(answer.Int64(0, 0)) +
                    ", this program knows up to " + std::to_string(kFormat));
  }
  return {};
}

/// Our columns come first; the rest is the table's.
Result<schema::Columns> StoredColumns(sql::Session& session, const TableShape& shape) {
  MR_TRY(const auto statement, session.Prepare("SELECT * EXCLUDE (_mr_high, _mr_low, "
                                               "_mr_deleted) FROM " +
                                               DeltaTable(shape, shape.delta)));
  return statement.columns();
}

Result<StoredTable> ReadTable(sql::Session& session, const sql::Batch& rows,
                              std::size_t row) {
  StoredTable table;
  table.shape.name = rows.Text(0, row);
  table.shape.key = rows.Text(1, row);
  table.owner = rows.Text(2, row);
  table.shape.base = static_cast<std::uint64_t>(rows.Int64(3, row));
  table.shape.delta = static_cast<std::uint64_t>(rows.Int64(4, row));
  if (!rows.IsNull(5, row)) {
    table.shape.frozen = static_cast<std::uint64_t>(rows.Int64(5, row));
  }
  table.merges = static_cast<std::uint64_t>(rows.Int64(6, row));
  table.worst_merge_seconds = rows.Double(7, row);
  table.last_merge_seconds = rows.Double(8, row);
  MR_TRY(table.shape.columns, StoredColumns(session, table.shape));
  return table;
}

/// Positions by table. The column `partition` is missing in a database of format 1.
Result<std::map<std::string, std::map<std::uint32_t, TablePosition>>> LoadPositions(
    sql::Session& session) {
  std::map<std::string, std::map<std::uint32_t, TablePosition>> positions;
  MR_TRY(const auto rows, session.Query("SELECT * FROM _mr._mr_positions"));
  const auto column = [&rows](std::string_view name) {
    return static_cast<std::size_t>(rows.Find(name));
  };
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    TablePosition position;
    position.next = static_cast<Offset>(rows.Int64(column("next_offset"), row));
    MR_TRY(position.version, Version::Parse(rows.Text(column("version"), row)));
    if (rows.Find("partition") >= 0) {
      position.partition =
          static_cast<std::uint32_t>(rows.Int64(column("partition"), row));
    }
    const std::string table(rows.Text(column("table"), row));
    positions[table][position.partition] = position;
  }
  return positions;
}

std::string Frozen(const StoredTable& table) {
  return table.shape.frozen ? std::to_string(*table.shape.frozen) : "null";
}

}  // namespace

Status Catalog::Prepare(sql::Session& session, bool read_only) {
  MR_CHECK_OK(CheckFormat(session));
  if (!read_only) {
    MR_CHECK_OK(session.Run(
        "CREATE SCHEMA IF NOT EXISTS _mr; CREATE SCHEMA IF NOT EXISTS lake;"
        "CREATE TABLE IF NOT EXISTS _mr._mr_tables(name VARCHAR NOT NULL, "
        "key VARCHAR NOT NULL, owner VARCHAR NOT NULL, base BIGINT NOT NULL, "
        "delta BIGINT NOT NULL, frozen BIGINT, merges BIGINT NOT NULL, "
        "worst_merge_seconds DOUBLE NOT NULL, last_merge_seconds DOUBLE NOT NULL, "
        "format INTEGER NOT NULL);"
        "CREATE TABLE IF NOT EXISTS _mr._mr_positions(\"table\" VARCHAR NOT NULL, "
        "next_offset BIGINT NOT NULL, version VARCHAR NOT NULL, owner VARCHAR NOT NULL, "
        "format INTEGER NOT NULL);"
        "ALTER TABLE _mr._mr_positions ADD COLUMN IF NOT EXISTS partition BIGINT DEFAULT "
        "0"));
    MR_CHECK_OK(session.Run(CreateCheckpointMark()));
  }
  return {};
}

Result<std::vector<StoredTable>> Catalog::Load(sql::Session& session) {
  MR_TRY(const auto rows,
         session.Query("SELECT name, key, owner, base, delta, frozen, merges, "
                       "worst_merge_seconds, last_merge_seconds FROM _mr._mr_tables "
                       "ORDER BY name"));
  MR_TRY(auto positions, LoadPositions(session));
  std::vector<StoredTable> tables;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    MR_TRY(auto table, ReadTable(session, rows, row));
    table.positions = std::move(positions[table.shape.name]);
    tables.push_back(std::move(table));
  }
  return tables;
}

Status Catalog::Insert(sql::Session& session, const StoredTable& table) {
  MR_CHECK_OK(
      session.Query("INSERT INTO _mr._mr_tables VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, ?)",
                    {Text(table.shape.name), Text(table.shape.key), Text(table.owner),
                     std::to_string(table.shape.base), std::to_string(table.shape.delta),
                     Frozen(table), std::to_string(kFormat)}));
  return {};
}

Status Catalog::Update(sql::Session& session, const StoredTable& table) {
  MR_CHECK_OK(session.Query(
      "UPDATE _mr._mr_tables SET base = ?, delta = ?, frozen = ?, merges = ?, "
      "worst_merge_seconds = ?, last_merge_seconds = ?, format = ? WHERE name = ?",
      {std::to_string(table.shape.base), std::to_string(table.shape.delta), Frozen(table),
       std::to_string(table.merges), Real(table.worst_merge_seconds),
       Real(table.last_merge_seconds), std::to_string(kFormat), Text(table.shape.name)}));
  return {};
}

Status Catalog::Remove(sql::Session& session, const std::string& table) {
  MR_CHECK_OK(session.Query("DELETE FROM _mr._mr_tables WHERE name = ?", {Text(table)}));
  MR_CHECK_OK(
      session.Query("DELETE FROM _mr._mr_positions WHERE \"table\" = ?", {Text(table)}));
  return {};
}

Status Catalog::Rename(sql::Session& session, const std::string& from,
                       const TableShape& to) {
  const auto frozen = to.frozen ? std::to_string(*to.frozen) : "null";
  MR_CHECK_OK(
      session.Query("UPDATE _mr._mr_tables SET name = ?, base = ?, delta = ?, frozen = ? "
                    "WHERE name = ?",
                    {Text(to.name), std::to_string(to.base), std::to_string(to.delta),
                     frozen, Text(from)}));
  MR_CHECK_OK(
      session.Query("UPDATE _mr._mr_positions SET \"table\" = ? WHERE \"table\" = ?",
                    {Text(to.name), Text(from)}));
  return {};
}

Status Catalog::InsertPosition(sql::Session& session, const std::string& table,
                               const std::string& owner, const TablePosition& first) {
  const auto partition = std::to_string(first.partition);
  MR_TRY(const auto known,
         session.Query("SELECT count(*) FROM _mr._mr_positions WHERE \"table\" = ? AND "
                       "partition = ?",
                       {Text(table), partition}));
  if (known.Int64(0, 0) != 0) {
    return Fail(ErrorCode::kFenced, "table " + table + " has been started already");
  }
  // A program that knows one position a table must not open it with two.
  const int format = first.partition == 0 ? kOldFormat : kFormat;
  MR_CHECK_OK(
      session.Query("INSERT INTO _mr._mr_positions VALUES (?, ?, ?, ?, ?, ?)",
                    {Text(table), std::to_string(first.next), Text(first.version.ToHex()),
                     Text(owner), std::to_string(format), partition}));
  return {};
}

std::string MovePosition() {
  return "UPDATE _mr._mr_positions SET next_offset = ?, version = ? WHERE \"table\" = ? "
         "AND partition = ? AND next_offset = ?";
}

}  // namespace millrace::warehouse
