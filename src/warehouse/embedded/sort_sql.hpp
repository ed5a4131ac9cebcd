#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/batch.hpp"
#include "table_sql.hpp"

/// Tables whose base is in the order of an index: filters by it pass over most of the
/// base, since the engine knows the least and greatest value of each of its row groups
/// (docs/decisions/0008-base-sorted-by-the-first-index.md).
namespace millrace::warehouse {

/// The columns of the first index; none where one of them is not of one value.
std::vector<std::string> SortColumns(
    const schema::Columns& columns, const std::vector<std::vector<std::string>>& indexes);

/// ` ORDER BY …` of rows that go into the base; empty where it has no order.
std::string OrderOf(const TableShape& shape);

/// One column: values that part the base into about `ranges` parts of like size, rising.
/// Not always as many; a few values are looked at, not all.
std::string SelectBounds(const TableShape& shape, std::uint64_t ranges);
/// Conditions for the parts, in order: each row of the base meets one of them.
std::vector<std::string> SortRanges(const TableShape& shape, const sql::Batch& bounds);

/// What is known of a base as it was last written whole: a comment of the table, which is
/// no part of the format.
struct SortedBase {
  std::uint64_t rows = 0;  ///< its first ones
  std::string order;       ///< as OrderOf
};
std::string SetSorted(const TableShape& shape, std::uint64_t rows);
/// Of its comment; nothing for any other text.
SortedBase ParseSorted(std::string_view comment);
std::string SelectComment(const TableShape& shape);

}  // namespace millrace::warehouse
