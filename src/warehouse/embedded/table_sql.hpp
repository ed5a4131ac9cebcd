#pragma once

#include <cstdint>
#include <limits>
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
  /// Columns that keep the value of the record's first version (insert_only_sql.hpp).
  std::vector<std::string> insert_only;
  /// Of rows that are brought into the base; known when the table is open for writing.
  std::vector<std::string> sort;
  bool hashed = true;  ///< the base has `_mr_hash`; those of format 1 do not
};

/// Keys by their hash, both ends included: what is done to a table at a time, so that
/// memory does not depend on its size.
struct HashRange {
  std::uint32_t first = 0;
  std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
};
/// Ranges that have about `rows_each` of `rows` keys.
std::vector<HashRange> SplitHashes(std::uint64_t rows, std::uint64_t rows_each);

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
/// To a type that has all values of the one before.
std::string WidenColumn(const std::string& table, const schema::TypedName& column);
/// The newest version of each key, without tombstones.
std::string CreateView(const TableShape& shape, bool replace);
/// A value of a type as SQL, from its canonical literal.
std::string ValueSql(const schema::Type& type, const std::string& literal);
/// Versions, both ends included, by the low halves of their positions.
struct VersionRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};
/// Some keys, as SQL.
struct KeyCondition {
  std::string keys;                 ///< holds for the key column
  std::vector<std::string> hashes;  ///< of each: what `_mr_hash` can be
  /// Versions that the base's rows of these keys can have; nullopt: any (key_filter.hpp).
  std::optional<std::vector<VersionRange>> places;
};
/// `values`: as ValueSql gives them; at least one.
KeyCondition KeysAre(const schema::TypedName& key,
                     const std::vector<std::string>& values);
/// Conditions, by columns that are quicker to look through than the key: each row of the
/// base that has one of the keys meets one of them, maybe more. One scan each.
std::vector<std::string> BaseConditions(const TableShape& shape,
                                        const KeyCondition& condition);
/// Everything that is stored of these keys, a row twice maybe: our columns, then the
/// table's.
std::string SelectVersions(const TableShape& shape, const KeyCondition& condition);
/// The newest of these: version, and whether it is a tombstone. One row or none.
std::string SelectNewestVersion(const TableShape& shape, const KeyCondition& condition);
/// What the view shows of these keys.
std::string SelectNewest(const TableShape& shape, const KeyCondition& condition);
/// Appends a batch to the delta: `columns` and the version as text.
std::string InsertRows(const TableShape& shape, const schema::Columns& columns);
std::string InsertTombstones(const TableShape& shape);

schema::Columns AskedColumns();
/// Numbers of the asked states that are older than what is stored, more than once maybe.
std::string SelectSuperseded(const TableShape& shape);

/// Part of the frozen delta: rows [first, end) as they came, and of those these keys.
struct DeltaSlice {
  std::uint64_t first = 0, end = 0;
  HashRange keys;
};
/// The whole of a delta in slices of about `rows_each`; each row is looked at twice.
std::vector<DeltaSlice> SliceDelta(std::uint64_t rows, std::uint64_t rows_each);

/// Bringing what the frozen delta has newest of a slice into the base, in order and
/// within one transaction. Two temporary tables: what is newest in the delta, and what of
/// it the base has as well.
std::vector<std::string> CompareStatements(const TableShape& shape,
                                           const DeltaSlice& slice);
/// Two numbers: rows that the base gets, and rows of it that are superseded.
std::string CountCompared();
std::vector<std::string> UpdateStatements(const TableShape& shape,
                                          const DeltaSlice& slice);
std::vector<std::string> CleanUpStatements();
/// The shape whose base is written anew, and what begins and goes on with that.
TableShape WithNextBase(TableShape shape);
std::vector<std::string> BeginBase(const TableShape& next);
/// What is there of it when that did not end.
std::string DropNextBase(const TableShape& shape);
/// `condition`: on rows of the old base.
std::string CopyToBase(const TableShape& shape, const TableShape& next,
                       const std::string& condition);
/// Such conditions: by hash, for about `rows_each` of `rows` keys.
std::vector<std::string> HashConditions(const TableShape& shape, std::uint64_t rows,
                                        std::uint64_t rows_each);

}  // namespace millrace::warehouse
