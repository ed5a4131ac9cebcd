#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/copy.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::telemetry {
class Logger;
}

namespace millrace::warehouse {

/// A table whose rows somebody else has: each query that names it reads them into a
/// temporary table, which goes to the disk where it is larger than the memory.
struct GuestTable {
  using Part = std::function<Status(const sql::Batch& rows)>;
  TableInfo info;  ///< columns, key and name; no user's table has it
  /// Hands its rows to `part`, and passes on what fails there; at least those for which
  /// `filters` hold.
  std::function<Status(const std::vector<query::Filter>& filters, const Part& part)> read;
};

struct EmbeddedWarehouseOptions {
  std::filesystem::path directory;  ///< holds warehouse.duckdb; created when absent
  /// Folders with part-*.parquet below it are readable as lake.<path with / as _>.
  /// Empty: no lake tables.
  std::filesystem::path lake;
  std::uint64_t memory_limit = 160u << 20u;  ///< bytes; beyond it spills to the directory
  /// A table is merged when its delta has this part of the base's rows …
  double merge_ratio = 0.25;
  /// … and at least so many. From 123k new rows on (what one row group takes) the engine
  /// writes a merge's rows ahead of its commit, which is then short.
  std::uint64_t min_merge_rows = 200'000;
  /// So many are enough, however large the base is.
  std::uint64_t max_merge_rows = 500'000;
  /// Rows that a merge brings into the base in one transaction: its memory.
  std::uint64_t merge_slice_rows = 250'000;
  /// Rows of a base out of the order of its table's first index: so many are not worth
  /// writing it anew.
  std::uint64_t unsorted_rows = 100'000;
  /// From so many rows of a base on, and up to 16 million, a byte of memory a row tells
  /// where in it a key can be.
  std::uint64_t filter_rows = 500'000;
  /// The write-ahead log is folded into the file after a merge when it is this long, and
  /// at twice this length without one. Writers wait meanwhile. Opening replays it.
  std::uint64_t checkpoint_wal = 32u << 20u;  ///< bytes
  /// Nothing written for so long: a log above 1 MiB is folded too, since rows that are
  /// only in the log are in memory uncompressed.
  std::chrono::milliseconds quiet{2'000};
  std::optional<GuestTable> guest;
  std::uint32_t readers = 4;  ///< reads at a time; more wait their turn
  /// Without a write. Lake tables are those that the last writing process knew.
  bool read_only = false;
  telemetry::Logger* logger = nullptr;  ///< null: silent
  /// For tests: called by the merging thread at each step of a merge, and after a
  /// checkpoint in a quiet time, by its name.
  std::function<void(std::string_view step)> on_merge_step;
};

/// What this adapter can do beside its port.
class CopyableWarehouse : public Warehouse {
 public:
  /// A copy of the database file (`file`, which must not exist) as of one moment, durable
  /// on success. Writers wait for a checkpoint, as they do now and then, but not while
  /// the file is copied; merges and checkpoints wait until it is. Errors: kConflict (a
  /// read that began before the last write did not end for a minute), kResourceExhausted,
  /// kUnavailable, those of `progress`.
  virtual Status CopyTo(const std::filesystem::path& file,
                        const CopyProgress& progress) = 0;
};

/// Tables in one DuckDB file (docs/formats/warehouse.md). A thread of its own merges. One
/// process a directory: the caller holds the directory's lock.
/// Errors: kConflict (a newer format, or another process has the file), kDataLoss (the
/// file is damaged), kResourceExhausted, kUnavailable. Destroy after the last call.
Result<std::unique_ptr<CopyableWarehouse>> OpenEmbeddedWarehouse(
    EmbeddedWarehouseOptions options);

}  // namespace millrace::warehouse
