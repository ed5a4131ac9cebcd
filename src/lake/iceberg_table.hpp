#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "iceberg_metadata.hpp"

namespace millrace::lake {

/// The copy of a lake table as an Iceberg table (format 2) in a folder that has no other
/// writer: docs/formats/iceberg-copy.md. A version is there when its `vN.metadata.json`
/// is, and everything that names was made durable before. What a killed process left of a
/// later version is removed by the next Open.
///
/// Locked against other processes while it is open. One thread.
class IcebergTable {
 public:
  /// Makes the folder when absent. `folder` must be absolute; `clock` must outlive the
  /// table. Errors: kInvalidArgument (not such a copy, one made elsewhere, or a path that
  /// readers would misread), kFenced (another process has it), kDataLoss (metadata that
  /// cannot be read), kResourceExhausted, kUnavailable.
  static Result<IcebergTable> Open(const std::filesystem::path& folder,
                                   const Clock& clock = SystemClock());

  const IcebergMetadata& metadata() const { return metadata_; }

  /// Where the data file `number` of the next version is written: with the ending `.tmp`,
  /// until Publish gives it its name, durably.
  std::filesystem::path StagedFile(std::uint32_t partition, std::size_t number) const;
  Result<std::filesystem::path> Publish(const std::filesystem::path& staged) const;
  /// What readers are told of where a file is.
  static std::string LocationOf(const std::filesystem::path& path);

  /// The next version: visible and durable on success. After kDeadlineExceeded or a kill
  /// it is there, or not: Open tells.
  Status Commit(const IcebergChange& change);

 private:
  IcebergTable(std::filesystem::path folder, File lock, const Clock& clock)
      : folder_(std::move(folder)),
        lock_(std::move(lock)),
        clock_(&clock),
        metadata_(IcebergMetadata::New(LocationOf(folder_), clock)) {}
  Status Load();
  Status RemoveLeftovers() const;
  Status WriteHint() const;
  /// Writes the manifest of what `change` adds, and the list of all.
  Result<std::filesystem::path> WriteManifests(const IcebergChange& change,
                                               std::int64_t snapshot_id) const;
  std::filesystem::path Avro(std::string_view kind, std::int64_t version) const;
  std::filesystem::path Version(std::int64_t version) const;

  std::filesystem::path folder_;
  File lock_;
  const Clock* clock_;
  IcebergMetadata metadata_;
};

}  // namespace millrace::lake
