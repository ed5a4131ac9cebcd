#include "table_sql.hpp"

#include <algorithm>

#include "insert_only_sql.hpp"
#include "schema/record_codec.hpp"
#include "sort_sql.hpp"
#include "sql/engine.hpp"
#include "sql_parts.hpp"

namespace millrace::warehouse {
namespace {

using sql::QuoteName;

/// The version in two halves: 64 bit columns are stored and read many times faster than
/// the engine's 128 bit ones. Ours come first, because added columns come last.
constexpr std::string_view kOwnColumns =
    "_mr_high UBIGINT NOT NULL, _mr_low UBIGINT NOT NULL, _mr_deleted BOOLEAN NOT NULL";
constexpr std::string_view kHash = "_mr_hash";

/// Halves of a version given as 32 hex digits.
std::string Halves(std::string_view column) {
  const std::string name(column);
  return "('0x' || " + name + "[1:16])::UBIGINT, ('0x' || " + name + "[17:32])::UBIGINT";
}

/// All deltas as one relation.
std::string Deltas(const TableShape& shape) {
  auto active = DeltaTable(shape, shape.delta);
  if (!shape.frozen) return active;
  const auto names =
      "SELECT " + std::string(kOwnNames) + Names(shape.columns, "") + " FROM ";
  return "(" + names + DeltaTable(shape, *shape.frozen) + " UNION ALL " + names + active +
         ")";
}

std::string CreateStored(const TableShape& shape, const std::string& table,
                         std::string_view more_own, std::string_view of_scalars) {
  std::string text =
      "CREATE TABLE " + table + "(" + std::string(kOwnColumns) + std::string(more_own);
  for (const auto& column : shape.columns) {
    text += ", " + QuoteName(column.name) + " " + column.type.ToSql();
    if (column.name == shape.key) text += " NOT NULL";
    if (column.type.scalar()) text += of_scalars;
  }
  return text + ")";
}

/// `hash`: the expression that must be in the range.
std::string Within(const std::string& hash, const HashRange& range) {
  constexpr HashRange kAll;
  if (range.first == kAll.first && range.last == kAll.last) return "TRUE";
  return hash + " BETWEEN " + std::to_string(range.first) + "::UINTEGER AND " +
         std::to_string(range.last) + "::UINTEGER";
}

std::string RowsOf(const DeltaSlice& slice) {
  return "rowid >= " + std::to_string(slice.first) + " AND rowid < " +
         std::to_string(slice.end);
}

/// Into a base, with the hash.
std::string InsertIntoBase(const TableShape& shape, const std::string& base) {
  const auto names = FirstNames(shape) + Names(shape.columns, "");
  return "INSERT INTO " + base + "(" + std::string(kOwnNames) + ", " +
         std::string(kHash) + names + ") SELECT " + std::string(kOwnNames) + ", " +
         HashOf(shape) + names + " FROM ";
}

std::string ViewColumns(const TableShape& shape, const std::string& alias) {
  return "SELECT " + Names(shape.columns, alias).substr(2) + ", " + VersionText(alias) +
         " AS " + QuoteName(kVersionColumn);
}

/// Rows of the base that no delta has newer.
std::string SelectFromBase(const TableShape& shape) {
  const auto key = QuoteName(shape.key);
  return ViewColumns(shape, "b") + " FROM " + BaseTable(shape) + " b ANTI JOIN " +
         Deltas(shape) + " d ON d." + key + " = b." + key + " AND " + VersionOf("d") +
         " > " + VersionOf("b") + " WHERE NOT b._mr_deleted";
}

/// The newest of the deltas that the base does not have as new. What the base has of
/// their keys is looked up first: with the whole base in the second join the engine needs
/// twice the time.
std::string SelectFromDeltas(const TableShape& shape) {
  const auto key = QuoteName(shape.key);
  const auto deltas = Deltas(shape);
  return ViewColumns(shape, "n") + " FROM (SELECT * FROM " + deltas +
         " d QUALIFY row_number() OVER (PARTITION BY d." + key +
         " ORDER BY d._mr_high DESC, d._mr_low DESC) = 1) n ANTI JOIN (SELECT b." + key +
         " AS k, " + VersionOf("b") + " AS v FROM " + BaseTable(shape) + " b SEMI JOIN " +
         deltas + " x ON x." + key + " = b." + key + ") o ON o.k = n." + key +
         " AND o.v >= " + VersionOf("n") + " WHERE NOT n._mr_deleted";
}

}  // namespace

std::string VersionOf(const std::string& alias) {
  return "((" + alias + "._mr_high::UHUGEINT << 64) | " + alias + "._mr_low)";
}

std::string VersionText(const std::string& alias) {
  return "format('{:016x}{:016x}', " + alias + "._mr_high, " + alias + "._mr_low)";
}

std::string Names(const schema::Columns& columns, const std::string& alias) {
  std::string out;
  for (const auto& column : columns) {
    out += ", ";
    if (!alias.empty()) out += alias + ".";
    out += QuoteName(column.name);
  }
  return out;
}

std::string HashOf(const TableShape& shape) {
  return "mr_key_hash(CAST(" + QuoteName(shape.key) + " AS VARCHAR))";
}

std::string BaseTable(const TableShape& shape) {
  return "_mr." + QuoteName(shape.name + ".base." + std::to_string(shape.base));
}

std::string DeltaTable(const TableShape& shape, std::uint64_t number) {
  return "_mr." + QuoteName(shape.name + ".delta." + std::to_string(number));
}

std::string ViewName(const TableShape& shape) { return "main." + QuoteName(shape.name); }

std::vector<std::string> Parts(const TableShape& shape) {
  std::vector<std::string> parts{BaseTable(shape), DeltaTable(shape, shape.delta)};
  if (shape.frozen) parts.push_back(DeltaTable(shape, *shape.frozen));
  return parts;
}

bool SameParts(const TableShape& left, const TableShape& right) {
  return left.name == right.name && left.base == right.base &&
         left.delta == right.delta && left.frozen == right.frozen;
}

std::vector<std::string> RenameStatements(const TableShape& from, const TableShape& to) {
  constexpr std::string_view kSchema = "_mr.";
  std::vector<std::string> out;
  const auto old_names = Parts(from);
  const auto new_names = Parts(to);
  for (std::size_t i = 0; i < old_names.size(); ++i) {
    out.push_back("ALTER TABLE " + old_names[i] + " RENAME TO " +
                  new_names[i].substr(kSchema.size()));
  }
  return out;
}

std::string CreateBase(const TableShape& shape) {
  return CreateStored(shape, BaseTable(shape),
                      ", _mr_hash UINTEGER NOT NULL" + FirstDefinitions(shape), "");
}

std::string CreateDelta(const TableShape& shape) {
  return CreateStored(shape, DeltaTable(shape, shape.delta), "",
                      " USING COMPRESSION uncompressed");
}

std::string WidenColumn(const std::string& table, const schema::TypedName& column) {
  return "ALTER TABLE " + table + " ALTER COLUMN " + sql::QuoteName(column.name) +
         " SET DATA TYPE " + column.type.ToSql();
}

std::string AddColumn(const std::string& table, const schema::TypedName& column) {
  return "ALTER TABLE " + table + " ADD COLUMN " + QuoteName(column.name) + " " +
         column.type.ToSql();
}

std::string CreateView(const TableShape& shape, bool replace) {
  const auto create = std::string(replace ? "CREATE OR REPLACE VIEW " : "CREATE VIEW ") +
                      ViewName(shape) + " AS ";
  if (!shape.insert_only.empty()) return create + SelectWithFirst(shape, Deltas(shape));
  return create + SelectFromBase(shape) + " UNION ALL " + SelectFromDeltas(shape);
}

std::string ValueSql(const schema::Type& type, const std::string& literal) {
  if (literal == "null") return "NULL";
  const auto text = sql::QuoteText(schema::TextOf(literal));
  if (type.kind == schema::Kind::kBytes) return "from_base64(" + text + ")";
  return "CAST(" + text + " AS " + type.ToSql() + ")";
}

KeyCondition KeysAre(const schema::TypedName& key,
                     const std::vector<std::string>& values) {
  KeyCondition condition{QuoteName(key.name) + " IN (", {}, {}};
  for (const auto& value : values) {
    condition.keys += (condition.hashes.empty() ? "" : ", ") + value;
    condition.hashes.push_back("mr_key_hash(CAST(" + value + " AS VARCHAR))");
  }
  condition.keys += ')';
  return condition;
}

std::vector<std::string> BaseConditions(const TableShape& shape,
                                        const KeyCondition& condition) {
  if (!shape.hashed) return {condition.keys};
  auto all = condition.keys + " AND " + std::string(kHash) + " IN (";
  for (std::size_t i = 0; i < condition.hashes.size(); ++i) {
    all += (i > 0 ? ", " : "") + condition.hashes[i];
  }
  all += ')';
  if (!condition.places) return {all};
  std::vector<std::string> conditions;
  for (const auto& place : *condition.places) {
    const auto first = std::uint64_t{place.first} << 32u;
    const auto last = std::uint64_t{place.last} << 32u | 0xffffffffu;
    conditions.push_back(all + " AND _mr_low BETWEEN " + std::to_string(first) +
                         "::UBIGINT AND " + std::to_string(last) + "::UBIGINT");
  }
  return conditions;
}

std::string SelectVersions(const TableShape& shape, const KeyCondition& condition) {
  std::string text;
  const auto add = [&](const std::string& table, const std::string& rows) {
    text += text.empty() ? "SELECT " : " UNION ALL SELECT ";
    text += std::string(kOwnNames) + Names(shape.columns, "");
    text += " FROM " + table + " WHERE " + rows;
  };
  for (const auto& table : Parts(shape)) {
    if (table != BaseTable(shape)) add(table, condition.keys);
  }
  for (const auto& rows : BaseConditions(shape, condition)) add(BaseTable(shape), rows);
  return text;
}

std::string SelectNewestVersion(const TableShape& shape, const KeyCondition& condition) {
  return "SELECT " + VersionText("v") + ", v._mr_deleted FROM (" +
         SelectVersions(shape, condition) +
         ") v ORDER BY v._mr_high DESC, "
         "v._mr_low DESC LIMIT 1";
}

std::string SelectNewest(const TableShape& shape, const KeyCondition& condition) {
  if (!shape.insert_only.empty()) return SelectNewestWithFirst(shape, condition);
  return ViewColumns(shape, "n") + " FROM (SELECT * FROM (" +
         SelectVersions(shape, condition) + ") QUALIFY row_number() OVER (PARTITION BY " +
         QuoteName(shape.key) +
         " ORDER BY _mr_high DESC, _mr_low DESC) = 1) n WHERE NOT n._mr_deleted";
}

std::string InsertRows(const TableShape& shape, const schema::Columns& columns) {
  return "INSERT INTO " + DeltaTable(shape, shape.delta) + "(" + std::string(kOwnNames) +
         Names(columns, "") + ") SELECT " + Halves(kVersionColumn) + ", FALSE" +
         Names(columns, "") + " FROM " + std::string(kRowsRelation);
}

std::string InsertTombstones(const TableShape& shape) {
  const auto key = QuoteName(shape.key);
  return "INSERT INTO " + DeltaTable(shape, shape.delta) + "(" + std::string(kOwnNames) +
         ", " + key + ") SELECT " + Halves(kVersionColumn) + ", TRUE, " + key + " FROM " +
         std::string(kTombstonesRelation);
}

schema::Columns AskedColumns() {
  return {{"place", schema::Type::Simple(schema::Kind::kBigint)},
          {"key", schema::Type::Simple(schema::Kind::kText)},
          {std::string(kVersionColumn), schema::Type::Simple(schema::Kind::kText)}};
}

std::string SelectSuperseded(const TableShape& shape) {
  const auto key = QuoteName(shape.key);
  const auto* type = &shape.columns.front().type;
  for (const auto& column : shape.columns) {
    if (column.name == shape.key) type = &column.type;
  }
  const auto version = std::string(kVersionColumn);
  const auto asked = "(SELECT place, TRY_CAST(key AS " + type->ToSql() +
                     ") AS k, (('0x' || " + version +
                     "[1:16])::UBIGINT::UHUGEINT << 64) | ('0x' || " + version +
                     "[17:32])::UBIGINT AS v FROM " + std::string(kAskedRelation) + ")";
  const auto of = [&](const std::string& part) {
    return "SELECT a.place FROM " + part + " p JOIN " + asked + " a ON p." + key +
           " = a.k AND " + VersionOf("p") + " > a.v";
  };
  return of(BaseTable(shape)) + " UNION ALL " + of(Deltas(shape));
}

std::vector<std::string> CompareStatements(const TableShape& shape,
                                           const DeltaSlice& slice) {
  const auto key = QuoteName(shape.key);
  if (!shape.insert_only.empty()) {
    const auto rows = RowsOf(slice) + " AND " + Within(HashOf(shape), slice.keys);
    const auto stored = Within("_mr_hash", slice.keys);
    return {"CREATE OR REPLACE TEMP TABLE mr_newest AS " +
                SelectMergedWithFirst(shape, rows, stored),
            "CREATE OR REPLACE TEMP TABLE mr_stored AS SELECT b.rowid AS base_place, "
            "FALSE AS stays FROM " +
                BaseTable(shape) + " b JOIN mr_newest n ON b." + key + " = n." + key +
                " WHERE " + Within("b._mr_hash", slice.keys)};
  }
  return {"CREATE OR REPLACE TEMP TABLE mr_newest AS SELECT f." + key +
              " AS k, arg_max(f.rowid, " + VersionOf("f") + ") AS place, max(" +
              VersionOf("f") + ") AS v FROM " + DeltaTable(shape, *shape.frozen) +
              " f WHERE " + RowsOf(slice) + " AND " + Within(HashOf(shape), slice.keys) +
              " GROUP BY f." + key,
          "CREATE OR REPLACE TEMP TABLE mr_stored AS SELECT b.rowid AS base_place, "
          "n.place, " +
              VersionOf("b") + " >= n.v AS stays FROM " + BaseTable(shape) +
              " b JOIN mr_newest n ON b." + key + " = n.k WHERE " +
              Within("b._mr_hash", slice.keys)};
}

std::string CountCompared() {
  return "SELECT (SELECT count(*) FROM mr_newest) - (SELECT count(*) FROM mr_stored "
         "WHERE "
         "stays), (SELECT count(*) FROM mr_stored WHERE NOT stays)";
}

std::vector<std::string> UpdateStatements(const TableShape& shape,
                                          const DeltaSlice& slice) {
  const auto remove = "DELETE FROM " + BaseTable(shape) + " WHERE " +
                      Within("_mr_hash", slice.keys) +
                      " AND rowid IN (SELECT base_place FROM mr_stored WHERE NOT stays)";
  if (!shape.insert_only.empty()) {
    return {remove,
            InsertIntoBase(shape, BaseTable(shape)) + "mr_newest" + OrderOf(shape)};
  }
  return {remove,
          InsertIntoBase(shape, BaseTable(shape)) + DeltaTable(shape, *shape.frozen) +
              " WHERE " + RowsOf(slice) +
              " AND rowid IN (SELECT n.place FROM mr_newest n ANTI JOIN (SELECT place "
              "FROM mr_stored WHERE stays) s ON s.place = n.place)" +
              OrderOf(shape)};
}

TableShape WithNextBase(TableShape shape) {
  ++shape.base;
  shape.hashed = true;
  return shape;
}

std::string DropNextBase(const TableShape& shape) {
  return "DROP TABLE IF EXISTS " + BaseTable(WithNextBase(shape));
}

std::vector<std::string> BeginBase(const TableShape& next) {
  return {"DROP TABLE IF EXISTS " + BaseTable(next), CreateBase(next)};
}

std::string CopyToBase(const TableShape& shape, const TableShape& next,
                       const std::string& condition) {
  return InsertIntoBase(next, BaseTable(next)) + BaseTable(shape) + " WHERE " +
         condition + OrderOf(shape);
}

std::vector<std::string> HashConditions(const TableShape& shape, std::uint64_t rows,
                                        std::uint64_t rows_each) {
  const auto hash = shape.hashed ? std::string(kHash) : HashOf(shape);
  std::vector<std::string> conditions;
  for (const auto& range : SplitHashes(rows, rows_each)) {
    conditions.push_back(Within(hash, range));
  }
  return conditions;
}

std::vector<DeltaSlice> SliceDelta(std::uint64_t rows, std::uint64_t rows_each) {
  std::vector<DeltaSlice> slices;
  for (std::uint64_t first = 0; first < rows; first += 2 * rows_each) {
    const auto end = std::min(rows, first + 2 * rows_each);
    for (const auto& keys : SplitHashes(end - first, rows_each)) {
      slices.push_back({first, end, keys});
    }
  }
  return slices;
}

std::vector<HashRange> SplitHashes(std::uint64_t rows, std::uint64_t rows_each) {
  const auto count = std::max<std::uint64_t>(1, (rows + rows_each - 1) / rows_each);
  constexpr std::uint64_t kHashes = std::uint64_t{1} << 32u;
  std::vector<HashRange> ranges;
  for (std::uint64_t i = 0; i < count; ++i) {
    ranges.push_back({static_cast<std::uint32_t>(i * kHashes / count),
                      static_cast<std::uint32_t>((i + 1) * kHashes / count - 1)});
  }
  return ranges;
}

std::vector<std::string> CleanUpStatements() {
  return {"DROP TABLE mr_newest", "DROP TABLE mr_stored"};
}

}  // namespace millrace::warehouse
