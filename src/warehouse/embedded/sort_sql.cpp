#include "sort_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sql/engine.hpp"

namespace millrace::warehouse {
namespace {

constexpr std::string_view kSorted = "sorted ";
constexpr std::uint64_t kSample = 20'000;

const schema::Type& FirstType(const TableShape& shape) {
  return std::ranges::find(shape.columns, shape.sort.front(), &schema::TypedName::name)
      ->type;
}

/// The bound as SQL; nothing where that would not be the value itself.
std::optional<std::string> BoundSql(const schema::Type& type, const sql::Batch& bounds,
                                    std::size_t row) {
  std::string literal;
  bounds.AppendJson(literal, 0, row);
  const bool plain = std::ranges::none_of(literal, [](char c) { return c == '\\'; });
  if (literal == "null" || !plain) return std::nullopt;
  return ValueSql(type, literal);
}

}  // namespace

std::vector<std::string> SortColumns(
    const schema::Columns& columns,
    const std::vector<std::vector<std::string>>& indexes) {
  if (indexes.empty()) return {};
  for (const auto& name : indexes.front()) {
    const auto found = std::ranges::find(columns, name, &schema::TypedName::name);
    if (found == columns.end() || !found->type.scalar()) return {};
  }
  return indexes.front();
}

std::string OrderOf(const TableShape& shape) {
  std::string out;
  for (const auto& name : shape.sort) {
    out += (out.empty() ? " ORDER BY " : ", ") + sql::QuoteName(name);
  }
  return out;
}

std::string SelectBounds(const TableShape& shape, std::uint64_t ranges) {
  const auto column = sql::QuoteName(shape.sort.front());
  return "SELECT DISTINCT v FROM (SELECT v, row_number() OVER (ORDER BY v) AS place, "
         "count(*) OVER () AS n FROM (SELECT " +
         column + " AS v FROM " + BaseTable(shape) + " WHERE " + column +
         " IS NOT NULL USING SAMPLE reservoir(" + std::to_string(kSample) +
         " ROWS))) WHERE place % greatest(1, n // " + std::to_string(ranges) +
         ") = 0 ORDER BY v";
}

std::vector<std::string> SortRanges(const TableShape& shape, const sql::Batch& bounds) {
  const auto column = sql::QuoteName(shape.sort.front());
  std::vector<std::string> ranges;
  std::string above;
  for (std::size_t row = 0; row < bounds.rows(); ++row) {
    const auto bound = BoundSql(FirstType(shape), bounds, row);
    if (!bound) continue;
    ranges.push_back(above.empty()
                         ? fmt::format("{} IS NULL OR {} < {}", column, column, *bound)
                         : fmt::format("{} AND {} < {}", above, column, *bound));
    above = fmt::format("{} >= {}", column, *bound);
  }
  ranges.push_back(above.empty() ? "TRUE" : above);
  return ranges;
}

std::string SetSorted(const TableShape& shape, std::uint64_t rows) {
  return "COMMENT ON TABLE " + BaseTable(shape) + " IS " +
         sql::QuoteText(std::string(kSorted) + std::to_string(rows) + OrderOf(shape));
}

SortedBase ParseSorted(std::string_view comment) {
  SortedBase sorted;
  if (!comment.starts_with(kSorted)) return {};
  comment.remove_prefix(kSorted.size());
  const char* const begin = comment.data();
  const auto read = std::from_chars(begin, begin + comment.size(), sorted.rows);
  if (read.ec != std::errc()) return {};
  sorted.order = comment.substr(static_cast<std::size_t>(read.ptr - begin));
  return sorted;
}

std::string SelectComment(const TableShape& shape) {
  return "SELECT coalesce(comment, '') FROM duckdb_tables() WHERE schema_name = '_mr' "
         "AND table_name = " +
         sql::QuoteText(shape.name + ".base." + std::to_string(shape.base));
}

}  // namespace millrace::warehouse
