#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "schema/type.hpp"
#include "sql/batch.hpp"
#include "sql/engine.hpp"

namespace millrace::sql {

struct ParquetOptions {
  std::string compression = "zstd";        ///< zstd, snappy, gzip, lz4, uncompressed
  std::uint32_t row_group_rows = 122'880;  ///< at most; fewer where rows are large:
  /// A row group takes 1/n of the engine's memory, by what the rows of the first batch
  /// take before they are compressed. Writing it to the file needs as much again.
  std::uint32_t memory_share = 16;
  /// For readers that know columns by number: FIELD_IDS of COPY, "{a: 1, b: 2}"; empty:
  /// none.
  std::string field_ids;
  /// Key-value metadata known at the start …
  std::map<std::string, std::string> metadata;
  /// … and numbers known only at Finish: kept as 20 decimal digits, patched in place.
  std::vector<std::string> late_numbers;
  /// Texts known only at Finish, with their length in bytes (at least 16).
  std::map<std::string, std::size_t> late_texts;
};

/// Streams batches into one Parquet file: memory holds one row group, which is not
/// spilled. The engine's COPY runs in a thread of its own and takes batches through a
/// bounded hand-over. One thread calls; the file is complete, but not synced, after
/// Finish. The path must lie in the engine's directories. Give it an engine of its own,
/// in memory: the COPY is one open transaction for as long as the writer lives, and keeps
/// one of the engine's threads.
///
/// Errors: kResourceExhausted when the disk or the engine's memory is full,
/// kInvalidArgument when a batch lacks a column or has it with another type. After any
/// error only the destructor is left.
class ParquetWriter {
 public:
  static Result<std::unique_ptr<ParquetWriter>> Create(Engine& engine,
                                                       const std::filesystem::path& path,
                                                       const schema::Columns& columns,
                                                       const ParquetOptions& options);
  ~ParquetWriter();  ///< without Finish: the file is removed
  /// Takes the columns named in the writer's schema from `batch` (which may have more).
  /// Waits while the hand-over is full. An error of the disk may come with a later call.
  Status Write(Batch batch);
  std::uint64_t rows() const;
  /// The rows after the first batch are so much larger that the open row group takes
  /// twice what it may: Finish, and go on in another file.
  bool overfull() const;
  /// Every late number and text that was announced must be given.
  Status Finish(const std::map<std::string, std::uint64_t>& late_numbers = {},
                const std::map<std::string, std::string>& late_texts = {});

 private:
  class Impl;
  explicit ParquetWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Key-value metadata of a Parquet file. kDataLoss if it is not one.
Result<std::map<std::string, std::string>> ReadParquetMetadata(
    Session& session, const std::filesystem::path& path);

}  // namespace millrace::sql
