#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/type.hpp"

namespace millrace::warehouse {

/// A table as it is stored: base, the delta that is appended to, and while a merge is
/// under way the frozen delta that goes into the base.
struct TableShape {
  std::string name;
  std::string key;
  schema::Columns columns;  ///< without ours
  std::uint64_t base = 0;   ///< its number; rises when it is written anew
  std::uint64_t delta = 0;  ///< its number; rises with each merge
  std::optional<std::uint64_t> frozen;
};

inline constexpr std::string_view kVersionColumn = "_version";
/// Names of relations that hold the batches of Apply.
inline constexpr std::string_view kRowsRelation = "mr_rows";
inline constexpr std::string_view kTombstonesRelation = "mr_tombstones";
/// Of SelectSuperseded: number, key as text, version.
inline constexpr std::string_view kAskedRelation = "mr_asked";

/// Qualified and quoted.
std::string BaseTable(const TableShape& shape);
std::string DeltaTable(const TableShape& shape, std::uint64_t number);
std::string ViewName(const TableShape& shape);
/// Base and deltas.
std::vector<std::string> Parts(const TableShape& shape);
/// Whether these are the same.
bool SameParts(const TableShape& left, const TableShape& right);
/// ALTER TABLE statements that make the parts of one shape those of another, which has as
/// many.
std::vector<std::string> RenameStatements(const TableShape& from, const TableShape& to);

std::string CreateBase(const TableShape& shape);
/// Not compressed: its rows are rewritten soon.
std::string CreateDelta(const TableShape& shape);
std::string AddColumn(const std::string& table, const schema::TypedName& column);
/// The newest version of each key, without tombstones.
std::string CreateView(const TableShape& shape, bool replace);
/// A value of a type as SQL, from its canonical literal.
std::string ValueSql(const schema::Type& type, const std::string& literal);
/// Everything that is stored of the keys for which `condition` holds: our columns, then
/// the table's. It names the key only, so each part is asked, and skips what it can.
std::string SelectVersions(const TableShape& shape, const std::string& condition);
/// The newest of these: version, and whether it is a tombstone. One row or none.
std::string SelectNewestVersion(const TableShape& shape, const std::string& condition);
/// What the view shows of these keys.
std::string SelectNewest(const TableShape& shape, const std::string& condition);
/// Appends a batch to the delta: `columns` and the version as text.
std::string InsertRows(const TableShape& shape, const schema::Columns& columns);
std::string InsertTombstones(const TableShape& shape);

schema::Columns AskedColumns();
/// Numbers of the asked states that are older than what is stored, more than once maybe.
std::string SelectSuperseded(const TableShape& shape);

/// Bringing what the frozen delta has newest into the base, in order and within one
/// transaction. Two temporary tables: what is newest in the delta, and what of it the
/// base has as well.
std::vector<std::string> CompareStatements(const TableShape& shape);
/// Rows of the base that are superseded.
std::string CountSuperseded();
/// … changes the base in place …
std::vector<std::string> UpdateStatements(const TableShape& shape);
/// … or writes the base with the next number.
std::vector<std::string> RewriteStatements(const TableShape& shape);
std::vector<std::string> CleanUpStatements();

}  // namespace millrace::warehouse
