#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "change/sums.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::app {

/// A row as verify compares it: the position of its version, and a hash of its content.
struct RowItem {
  std::uint64_t position = 0;
  std::uint64_t hash = 0;
  friend auto operator<=>(const RowItem&, const RowItem&) = default;
};

/// What verify asks of a table.
struct TableQuestion {
  std::string table;
  std::vector<std::string> columns;   ///< of the document, in its order
  std::vector<std::uint64_t> bounds;  ///< last position of each slice but the last
  /// Rows whose key has one of these hashes (sorted) are left out.
  std::vector<std::uint64_t> without;
  /// Rows of these positions (after, upto] are wanted one by one, too.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> list;
  /// Rows that are given one by one have their version's ordinal for a position.
  bool by_ordinal = false;
};

/// What the table had at one moment.
struct TableAnswer {
  std::optional<Offset> next;  ///< nothing: not started
  Offset redriven = 0;         ///< next offset in the redrive stream
  std::vector<change::Sum> slices;
  std::vector<RowItem> items;
};

/// Of the columns of these indexes, by their names.
change::RowHash HashColumns(const sql::Batch& block, std::size_t row,
                            const std::vector<std::size_t>& columns);
/// Every index of the block from `first` on.
std::vector<std::size_t> ColumnsFrom(const sql::Batch& block, std::size_t first);

/// Of a key as JSON, the same whether its type is a number or text.
std::uint64_t KeyHash(std::string_view literal);

/// Rows and position are of one snapshot. kInvalidArgument: the table lacks a column;
/// kNotFound: no such table.
Result<TableAnswer> AskTable(warehouse::Warehouse& warehouse,
                             const TableQuestion& question);

/// Both as lines of text, for the server's socket.
std::string Encode(const TableQuestion& question);
Result<TableQuestion> DecodeQuestion(std::string_view text);
std::string Encode(const TableAnswer& answer);
Result<TableAnswer> DecodeAnswer(std::string_view text);

}  // namespace millrace::app
