#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "objects/object_store.hpp"
#include "sql/engine.hpp"

namespace millrace::lake {

/// Folders of this prefix in `to` are for what `reader` spills, a name for each run; the
/// next run removes what a killed one left.
inline constexpr std::string_view kSpillPrefix = ".spill";

struct CompactOptions {
  std::string folder;        ///< of the store: the lake table
  std::filesystem::path to;  ///< absolute; of the file system
  /// A data file of the copy is closed when it has this many rows, or this size (which is
  /// looked at as row groups are complete), or when its rows become much larger than its
  /// first ones.
  std::uint64_t file_rows = 10'000'000;
  std::uint64_t file_bytes = 128u << 20u;
};

/// Counts while Compact runs. Any thread reads.
struct CompactProgress {
  std::atomic<std::uint64_t> rows{0}, total{0};
};

struct CompactReport {
  std::int64_t version = 0;  ///< of the copy: the newest one there is now
  std::uint64_t rows = 0;    ///< added by this run
  std::uint64_t files = 0;   ///< of the lake, with rows, that were read
  std::uint64_t data_files = 0;
  std::uint64_t bytes = 0;  ///< of the data files
  std::uint64_t total_rows = 0;
  std::map<std::uint32_t, Offset> next;  ///< by partition: what the copy has up to
};

/// Brings the copy of a lake table up to its newest file: one more snapshot of an Iceberg
/// table (docs/formats/iceberg-copy.md), or nothing if there is nothing new. Each offset
/// comes into it once, whenever a run was killed; the version before stays readable.
/// The lake is only read, also while its pipeline writes it.
///
/// `reader` and `writer` are two engines in memory, with one thread each, that can read
/// the store and write `to`. Memory: one row group (1/16 of that of `writer`, and as much
/// again while it is written). Where rows of a file of the lake (or of 64 small ones) are
/// not in the order of offsets, `reader` sorts and spills them.
///
/// Errors: kNotFound (no lake table), kInvalidArgument (`to` is something else, or the
/// copy of another table; a column whose type is not wider than before), kFenced
/// (another process writes the copy), kDataLoss (a damaged or missing file, named),
/// kResourceExhausted, kUnavailable. Nothing is visible of a run that failed.
Result<CompactReport> Compact(objects::ObjectStore& store, sql::Engine& reader,
                              sql::Engine& writer, const CompactOptions& options,
                              CompactProgress& progress);

}  // namespace millrace::lake
