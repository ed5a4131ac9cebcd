#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "pipeline/dead_letters.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::app {

/// How two tables with the same key differ.
struct TableDifference {
  std::uint64_t same = 0;
  std::uint64_t only_before = 0;  ///< keys that the new one lacks
  std::uint64_t only_after = 0;   ///< keys that the old one lacks
  std::uint64_t changed = 0;      ///< keys with another value in a column of both
  /// Column of both, and how many of the changed rows differ in it; those alone.
  std::vector<std::pair<std::string, std::uint64_t>> columns;
  std::vector<std::string> only_in_before, only_in_after;  ///< columns
  std::vector<std::string> left_out;  ///< columns that were not compared
  std::uint64_t redriven = 0;         ///< keys that were not compared
  /// Up to ten keys that differ, as JSON objects {"key", "before", "after"}: the columns
  /// of both that differ, or null where there is no row.
  std::vector<std::string> examples;

  bool equal() const { return only_before + only_after + changed == 0; }
};

/// What is not compared.
struct LeftOut {
  std::vector<std::string> columns;
  std::vector<std::string> keys;  ///< text forms
};
/// Compares by key, every column of both but `_version`. Both must not change meanwhile.
Result<TableDifference> CompareTables(warehouse::WarehouseReader& warehouse,
                                      const std::string& before, const std::string& after,
                                      const LeftOut& left_out);
void AppendJson(std::string& out, const TableDifference& difference);

/// Keys of which the sink has what was redriven, maybe mended: the log does not give it.
Result<std::vector<std::string>> RedrivenKeys(pipeline::DeadLetters& letters,
                                              const std::string& pipeline,
                                              const std::string& sink);
/// Waiting letters that a replay of a table gave, but those that are dismissed, and those
/// of changes that were redriven into it, which come into the new one, too.
Result<std::uint64_t> StillWaiting(pipeline::DeadLetters& replayed,
                                   pipeline::DeadLetters& letters,
                                   const std::string& pipeline, const std::string& sink);

}  // namespace millrace::app
