#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "data_directory.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "records_embedded/embedded_records.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::app {

/// The stores of one data directory, open by the process that holds its lock.
struct BackupSource {
  const DataPaths& paths;
  warehouse::CopyableWarehouse& warehouse;
  eventlog::EmbeddedEventLog& log;
  records::EmbeddedRecords* records;  ///< null: nobody writes, the file is read
};

/// Read and written by any thread while a backup or a restore runs.
struct CopyState {
  std::atomic<std::uint64_t> done_bytes = 0;
  std::atomic<std::uint64_t> total_bytes = 0;  ///< about; files are read once more
  std::atomic<bool> cancel = false;            ///< ends it soon, with nothing left
};

struct BackupReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

/// Copies all stores as of one point into the new directory `to`, which appears when it
/// is whole, with a MANIFEST (docs/formats/backup.md). Writes go on meanwhile. What was
/// committed before the call is in it. In the copy no store is ahead of the one before
/// it, since receivers are copied before their senders. On failure nothing is left.
/// Errors: kConflict (`to` is not free), kInvalidArgument (`to` lies in the data
/// directory), kResourceExhausted (no room), kUnavailable (cancelled, or a disk failed),
/// those of the stores.
Result<BackupReport> BackUp(const BackupSource& source, const std::filesystem::path& to,
                            CopyState& state);

/// Makes the new data directory `to` of a backup, and a source of its own of its records
/// (records::RaiseEpoch). Each file is checked against the MANIFEST before `to` appears;
/// on failure nothing is left. Errors: as BackUp; kNotFound (no whole backup there),
/// kDataLoss (a file is missing or differs, named).
Result<BackupReport> Restore(const std::filesystem::path& backup,
                             const std::filesystem::path& to, CopyState& state);

}  // namespace millrace::app
