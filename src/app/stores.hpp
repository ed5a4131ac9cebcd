#pragma once

#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "data_directory.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "objects_embedded/file_object_store.hpp"
#include "pipeline/snapshots.hpp"
#include "pipeline/state_db.hpp"
#include "project/project.hpp"
#include "records_embedded/embedded_records.hpp"
#include "settings.hpp"
#include "sinks.hpp"
#include "sql/engine.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::app {

/// Every store of a data directory, open for writing. What each recovered is durable when
/// Open returns. Closed in the opposite order.
struct Stores {
  static Result<std::unique_ptr<Stores>> Open(const project::Project& project,
                                              const Settings& settings,
                                              DataDirectory data,
                                              telemetry::Registry& metrics,
                                              telemetry::Logger& logger);

  DataDirectory directory;
  std::unique_ptr<records::EmbeddedRecords> records;
  std::unique_ptr<eventlog::EmbeddedEventLog> log;
  std::unique_ptr<pipeline::StateDb> state;
  std::unique_ptr<pipeline::Snapshots> snapshots;
  std::unique_ptr<sql::Engine> engine;  ///< in memory: pipelines' SQL, and Parquet
  std::unique_ptr<objects::FileObjectStore> lake;
  std::unique_ptr<warehouse::CopyableWarehouse> warehouse;
  std::unique_ptr<SinkParts> sink_parts;

  explicit Stores(DataDirectory data) : directory(std::move(data)) {}
};

/// The record store alone, for writing. `metrics` and `logger` outlive it.
/// kInvalidArgument: this is a backup.
Result<std::unique_ptr<records::EmbeddedRecords>> OpenRecords(
    const project::Project& project, const Settings& settings, const DataPaths& paths,
    telemetry::Registry& metrics, telemetry::Logger& logger);

/// Without log.max_bytes, for a command on a stopped directory: nobody has said there
/// what is still needed, so neither can anything be dropped nor a few events be refused.
Settings Unbounded(Settings settings);

/// The log alone.
Result<std::unique_ptr<eventlog::EmbeddedEventLog>> OpenLog(
    const project::Project& project, const Settings& settings, const DataPaths& paths);

/// The warehouse alone, for the command line when there is no server. `letters` (or null)
/// are its table `dead_letters`; they outlive it. `serves`: it is open for
/// long, and what makes later reads quicker is worth its while.
Result<std::unique_ptr<warehouse::CopyableWarehouse>> OpenWarehouse(
    const DataPaths& paths, const WarehouseSettings& settings, telemetry::Logger& logger,
    bool serves, pipeline::DeadLetters* letters);

}  // namespace millrace::app
