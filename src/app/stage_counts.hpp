#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "data_queries.hpp"
#include "records/change_feed.hpp"

namespace millrace::app {

/// Where one collection stands, for the demo's table and report.
struct StageCounts {
  std::string collection;
  std::uint64_t changes = 0;  ///< committed
  std::uint64_t logged = 0;
  std::uint64_t lake = 0;   ///< events visible in the slowest lake sink
  std::uint64_t table = 0;  ///< events visible in the slowest table sink
  std::uint64_t dead_letters = 0;
  bool has_lake = false, has_table = false;
};

/// Adds the sinks of a pipeline over the collection.
void AddSinks(const PipelineState& pipeline, StageCounts& stage);

/// Committed changes behind `at`, by collection: those that are not in the log yet.
Result<std::map<std::string, std::uint64_t, std::less<>>> CountUncaptured(
    records::ChangeFeed& feed, Position at);

}  // namespace millrace::app
