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
  std::uint64_t delta = 0;  ///< its number; rises with each merge
  std::optional<std::uint64_t> frozen;
};

inline constexpr std::string_view kVersionColumn = "_version";
/// Names of relations that hold the batches of Apply.
inline constexpr std::string_view kRowsRelation = "mr_rows";
inline constexpr std::string_view kTombstonesRelation = "mr_tombstones";

/// Qualified and quoted.
std::string BaseTable(const TableShape& shape);
std::string DeltaTable(const TableShape& shape, std::uint64_t number);
std::string ViewName(const TableShape& shape);

std::string CreateStored(const TableShape& shape, const std::string& table);
std::string AddColumn(const std::string& table, const schema::TypedName& column);
/// The newest version of each key, without tombstones.
std::string CreateView(const TableShape& shape, bool replace);
/// Appends a batch to the delta: `columns` and the version as text.
std::string InsertRows(const TableShape& shape, const schema::Columns& columns);
std::string InsertTombstones(const TableShape& shape);

/// Brings what the frozen delta has newest into the base; repeating it changes nothing.
/// In order, within one transaction.
std::vector<std::string> MergeStatements(const TableShape& shape);

}  // namespace millrace::warehouse
