#include "data_queries.hpp"

#include <algorithm>
#include <numeric>

#include "base/json.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::minutes kSqlDeadline{10};

/// The worst state of the sinks is the pipeline's.
std::string WorstState(const PipelineState& pipeline) {
  for (const std::string_view bad : {"stopped", "retrying", "starting"}) {
    if (std::ranges::any_of(pipeline.sinks,
                            [&](const SinkState& sink) { return sink.state == bad; })) {
      return std::string(bad);
    }
  }
  return pipeline.sinks.empty() ? "stopped" : pipeline.sinks.front().state;
}

void AppendSink(std::string& out, const SinkState& sink, std::uint64_t committed) {
  out += "{\"sink\":";
  AppendJsonString(out, sink.name);
  out += ",\"state\":";
  AppendJsonString(out, sink.state);
  if (!sink.reason.empty()) {
    out += ",\"reason\":";
    AppendJsonString(out, sink.reason);
  }
  out += ",\"position\":";
  AppendUint(out, sink.position);
  out += ",\"lag_events\":";
  AppendUint(out, committed > sink.position ? committed - sink.position : 0);
  out += ",\"dead_letters\":";
  AppendUint(out, sink.dead_letters);
  out += '}';
}

void AppendPipeline(std::string& out, const PipelineState& pipeline) {
  Offset slowest = pipeline.committed;
  std::uint64_t letters = 0;
  for (const auto& sink : pipeline.sinks) {
    slowest = std::min(slowest, sink.position);
    letters += sink.dead_letters;
  }
  out += "{\"pipeline\":";
  AppendJsonString(out, pipeline.name);
  out += ",\"state\":";
  AppendJsonString(out, WorstState(pipeline));
  out += ",\"stream\":";
  AppendJsonString(out, pipeline.stream);
  out += ",\"position\":";
  AppendUint(out, slowest);
  out += ",\"end\":";
  AppendUint(out, pipeline.committed);
  out += ",\"lag_events\":";
  AppendUint(out, pipeline.committed - slowest);
  out += ",\"dead_letters\":";
  AppendUint(out, letters);
  if (pipeline.lag_p50_ms >= 0) {
    out += ",\"lag_ms\":{\"p50\":";
    AppendDouble(out, pipeline.lag_p50_ms);
    out += ",\"p99\":";
    AppendDouble(out, pipeline.lag_p99_ms);
    out += '}';
  }
  out += ",\"sinks\":[";
  for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
    if (i > 0) out += ',';
    AppendSink(out, pipeline.sinks[i], pipeline.committed);
  }
  out += "]}";
}

}  // namespace

Status PrintSql(warehouse::Warehouse& warehouse, const std::string& select,
                sql::Format format, const std::function<void(std::string_view)>& write) {
  sql::Printer printer(format, write);
  MR_CHECK_OK(warehouse.Query(select, Deadline::After(kSqlDeadline),
                              [&](const sql::Batch& block) {
                                printer.Add(block);
                                return true;
                              }));
  printer.Finish();
  return {};
}

Result<std::string> DeadLettersJson(pipeline::StateDb& state,
                                    const pipeline::DeadLetterFilter& filter) {
  MR_TRY(const auto page, state.letters().List(filter));
  std::string out = "{\"items\":[";
  for (std::size_t i = 0; i < page.letters.size(); ++i) {
    if (i > 0) out += ',';
    AppendJson(out, page.letters[i]);
  }
  out += "],\"next_cursor\":";
  if (page.next_cursor.empty()) {
    out += "null";
  } else {
    AppendJsonString(out, page.next_cursor);
  }
  out += '}';
  return out;
}

std::string StatusJson(const std::vector<PipelineState>& pipelines) {
  std::string out = "[";
  for (std::size_t i = 0; i < pipelines.size(); ++i) {
    if (i > 0) out += ',';
    AppendPipeline(out, pipelines[i]);
  }
  out += ']';
  return out;
}

}  // namespace millrace::app
