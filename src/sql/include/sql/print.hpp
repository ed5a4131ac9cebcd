#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sql/batch.hpp"

namespace millrace::sql {

enum class Format : std::uint8_t { kTable, kCsv, kJson, kNdjson };
Result<Format> ParseFormat(std::string_view name);

/// Writes a result block by block, nulls as said:
/// - JSON: one array of objects, a row a line; decimals as JSON numbers, else canonical
///   literals. NDJSON: the objects alone.
/// - CSV: a header, quoted as RFC 4180 says, lines end in \n; null is empty, an empty
///   text is "".
/// - Table, for people: aligned by the first thousand rows, at most 48 characters a cell,
///   "(N rows)" at the end; null is empty.
/// Not thread-safe. Every block must have the columns of the first.
class Printer {
 public:
  Printer(Format format, std::function<void(std::string_view)> write);
  void Add(const Batch& block);
  /// Once, after the last block; also if there was none.
  void Finish();

 private:
  void Begin(const Batch& block);
  void AddJsonRow(const Batch& block, std::size_t row);
  void AddCsvRow(const Batch& block, std::size_t row);
  void AddTableRow(const Batch& block, std::size_t row);
  /// Writes the table's rows that were kept, below their header.
  void FlushTable();
  void Flush(std::size_t limit);

  Format format_;
  std::function<void(std::string_view)> write_;
  bool started_ = false;
  std::size_t rows_ = 0;
  std::string out_;  ///< written when it is long enough
  schema::Columns columns_;
  std::vector<std::vector<std::string>> cells_;  ///< kTable: the first rows, for widths
  std::vector<std::size_t> widths_;              ///< known once cells_ were written
};

}  // namespace millrace::sql
