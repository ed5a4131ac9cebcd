#include "stores.hpp"

#include <limits>
#include <utility>

#include "backup_manifest.hpp"
#include "base/uuid.hpp"
#include "letter_table.hpp"

namespace millrace::app {
namespace {

std::vector<schema::Collection> CollectionsOf(const project::Project& project) {
  std::vector<schema::Collection> collections;
  for (const auto& [name, collection] : project.collections) {
    collections.push_back(collection);
  }
  return collections;
}

template <typename T>
Status Take(Result<T> opened, T& into, std::string_view what) {
  if (!opened) return Fail(std::move(opened.error()).During(what));
  into = std::move(*opened);
  return {};
}

eventlog::OnFull OnFullOf(std::string_view setting) {
  if (setting == "drop_oldest") return eventlog::OnFull::kDropOldest;
  if (setting == "refuse") return eventlog::OnFull::kRefuse;
  return eventlog::OnFull::kRefuseOnlyCopies;
}

/// A backup that somebody worked on cannot be restored any more.
Status CheckIsNoBackup(const std::filesystem::path& root) {
  std::error_code failed;
  if (!std::filesystem::exists(root / kManifestFile, failed)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              root.string() +
                  " is a backup, and would be none any more: `millrace "
                  "restore " +
                  root.string() + " --data DIR` makes a data directory of it");
}

std::string NewWriterId() {
  std::string id;
  AppendUuid(id, IdMaker(SystemClock(), 0).UuidV7());
  return id;
}

}  // namespace

Result<std::unique_ptr<records::EmbeddedRecords>> OpenRecords(
    const project::Project& project, const Settings& settings, const DataPaths& paths,
    telemetry::Registry& metrics, telemetry::Logger& logger) {
  MR_CHECK_OK(CheckIsNoBackup(paths.root));
  records::EmbeddedRecordsOptions options;
  options.directory = paths.root;
  options.collections = CollectionsOf(project);
  options.group_max = settings.records.group_max;
  options.queue_max = settings.records.queue_max;
  options.metrics = &metrics;
  options.logger = &logger;
  return records::EmbeddedRecords::Open(std::move(options));
}

Settings Unbounded(Settings settings) {
  settings.log.max_bytes.reset();
  return settings;
}

Result<std::unique_ptr<eventlog::EmbeddedEventLog>> OpenLog(
    const project::Project& project, const Settings& settings, const DataPaths& paths) {
  eventlog::EmbeddedOptions log;
  log.directory = paths.log();
  log.segment_bytes = settings.log.segment_size.value;
  if (settings.log.max_bytes) log.max_bytes = settings.log.max_bytes->value;
  log.on_full = OnFullOf(settings.log.on_full);
  for (const auto& [name, stream] : project.streams) log.only_copies.insert(name);
  return eventlog::OpenEmbedded(std::move(log));
}

Result<std::unique_ptr<warehouse::CopyableWarehouse>> OpenWarehouse(
    const DataPaths& paths, const WarehouseSettings& settings, telemetry::Logger& logger,
    bool serves, pipeline::DeadLetters* letters) {
  warehouse::EmbeddedWarehouseOptions options;
  options.directory = paths.root;
  options.lake = paths.lake();
  options.memory_limit = settings.memory.value;
  options.merge_ratio = settings.merge_percent / 100.0;
  if (!serves) options.filter_rows = std::numeric_limits<std::uint64_t>::max();
  options.logger = &logger;
  options.guest = LetterTable(letters);
  return warehouse::OpenEmbeddedWarehouse(std::move(options));
}

Result<std::unique_ptr<Stores>> Stores::Open(const project::Project& project,
                                             const Settings& settings, DataDirectory data,
                                             telemetry::Registry& metrics,
                                             telemetry::Logger& logger) {
  auto stores = std::make_unique<Stores>(std::move(data));
  const auto& paths = stores->directory.paths();
  MR_CHECK_OK(MakeDirs(paths.lake()));
  MR_CHECK_OK(MakeDirs(paths.temporary()));
  // A help for tools alone: a disk that is full does not keep anybody from starting.
  static_cast<void>(KeepProject(paths, project.directory));

  MR_CHECK_OK(Take(OpenRecords(project, settings, paths, metrics, logger),
                   stores->records, "open the record store"));

  MR_CHECK_OK(Take(OpenLog(project, settings, paths), stores->log, "open the log"));

  MR_CHECK_OK(Take(pipeline::StateDb::Open(paths.root), stores->state,
                   "open the pipelines' state"));
  stores->snapshots = std::make_unique<pipeline::Snapshots>(
      *stores->records, stores->records->source(), *stores->log);

  sql::EngineOptions engine;
  engine.memory_limit = settings.pipelines.memory.value;
  engine.temp_directory = paths.temporary() / "pipelines";
  engine.directories = {paths.lake()};
  MR_CHECK_OK(Take(sql::Engine::Open(engine), stores->engine, "open the SQL engine"));

  stores->lake = std::make_unique<objects::FileObjectStore>(paths.lake());
  MR_CHECK_OK(Take(
      OpenWarehouse(paths, settings.warehouse, logger, true, &stores->state->letters()),
      stores->warehouse, "open the warehouse"));
  stores->sink_parts = std::make_unique<SinkParts>(
      SinkParts{stores->warehouse.get(), *stores->lake, *stores->engine, NewWriterId(),
                settings.pipelines.row_group_rows});
  return stores;
}

}  // namespace millrace::app
