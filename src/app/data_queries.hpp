#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "pipeline/state_db.hpp"
#include "sql/print.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::app {

/// The answers of data_access.hpp from the rooms themselves: the server gives them
/// through its socket, the command line makes them when there is no server.

Status PrintSql(warehouse::Warehouse& warehouse, const std::string& select,
                sql::Format format, const std::function<void(std::string_view)>& write);
Result<std::string> DeadLettersJson(pipeline::StateDb& state,
                                    const pipeline::DeadLetterFilter& filter);

/// A pipeline as `millrace status` shows it; the sinks' own positions are the truth.
struct SinkState {
  std::string name, state, reason;
  Offset position = 0;
  bool started = false;
  std::uint64_t dead_letters = 0;
};
struct PipelineState {
  std::string name, stream;
  std::uint64_t committed = 0;  ///< events of the stream, logged or still in the feed
  std::vector<SinkState> sinks;
  double lag_p50_ms = -1, lag_p99_ms = -1;  ///< -1: nothing measured
};
std::string StatusJson(const std::vector<PipelineState>& pipelines);

}  // namespace millrace::app
