#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data_queries.hpp"
#include "eventlog/event_log.hpp"
#include "objects/object_store.hpp"
#include "pipeline/state_db.hpp"
#include "project/project.hpp"
#include "sql/engine.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::app {

/// Where to look for an event; all of it outlives the call.
struct TraceStores {
  std::filesystem::path data;  ///< records.db is in it
  eventlog::EventLogReader& log;
  pipeline::StateDb* state;  ///< null: no pipeline has run here
  warehouse::WarehouseReader& warehouse;
  objects::ObjectStore& lake;
  sql::Engine& engine;  ///< can read the lake
  /// Name, stream and sinks of each pipeline; `position` counts for tables alone.
  std::function<Result<std::vector<PipelineState>>()> pipelines;
  /// Whose pipelines these are: says which read by a codec. Null: not known.
  std::function<const project::Project*()> project;
};

struct TraceQuestion {
  /// An event id, "<stream>@<offset>", a record's key, or "<collection>/<key>". A key
  /// stands for the newest change of its record, in every collection that has it.
  std::string id;
  std::string collection;  ///< look in this one only; empty: in all
};

/// {"items":[…]}: an object for each event, as docs/guides/trace-and-verify.md shows it:
/// when it was accepted, where the log has it, and what became of it in each sink. Each
/// store is asked by its own index: nothing is scanned. kNotFound: no such event or
/// record, with what was looked at; kDataLoss, kUnavailable.
Result<std::string> TraceJson(const TraceStores& stores, const TraceQuestion& question);

/// The same for people: a short timeline an event.
std::string TraceText(std::string_view json);

}  // namespace millrace::app
