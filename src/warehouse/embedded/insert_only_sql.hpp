#pragma once

#include <string>
#include <vector>

#include "table_sql.hpp"

/// Tables of which some columns keep the value that the record's first version had: of
/// its current life, which begins after its newest tombstone. What a reader sees depends
/// on the set of versions and tombstones alone, not on the order in which they came, so
/// the base has for each key, beside the newest version: the version that the life began
/// with, its values, and the newest tombstone before. A delta has what came.
namespace millrace::warehouse {

/// Prefix of the base's column with the first value of a column.
inline constexpr std::string_view kFirstPrefix = "_mr_first.";

/// Definitions of the base's columns for that, each with a comma before it; and their
/// names. Empty where no column is insert-only.
std::string FirstDefinitions(const TableShape& shape);
std::string FirstNames(const TableShape& shape);

/// The view.
std::string SelectWithFirst(const TableShape& shape, const std::string& deltas);
/// What the view shows of some keys.
std::string SelectNewestWithFirst(const TableShape& shape, const KeyCondition& condition);
/// The base's rows, as they must be, of the keys in the part of the frozen delta for
/// which `delta_condition` holds; `base_condition` holds for their rows in the base.
std::string SelectMergedWithFirst(const TableShape& shape,
                                  const std::string& delta_condition,
                                  const std::string& base_condition);

}  // namespace millrace::warehouse
