#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sql/batch.hpp"

namespace millrace::sql {

enum class Format : std::uint8_t { kTable, kCsv, kJson, kNdjson };
Result<Format> ParseFormat(std::string_view name);

/// Writes a result block by block: JSON as one array of objects (doubles and integers as
/// numbers, decimals as JSON numbers, text otherwise as in canonical literals), CSV with a header (RFC 4180),
/// table for people (aligned, at most `max_width` a cell, "(N rows)" at the end).
class Printer {
 public:
  Printer(Format format, std::function<void(std::string_view)> write);
  void Add(const Batch& block);
  void Finish();

 private:
  Format format_;
  std::function<void(std::string_view)> write_;
  bool started_ = false;
  std::size_t rows_ = 0;
  std::vector<std::vector<std::string>> cells_;  ///< kTable: the first rows, for widths
};

}  // namespace millrace::sql
