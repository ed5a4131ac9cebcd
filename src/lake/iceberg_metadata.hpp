#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "compact_source.hpp"
#include "iceberg_manifest.hpp"
#include "iceberg_schema.hpp"

namespace millrace::lake {

/// What a version of the copy adds: these files, and that all of `next` is consumed.
struct IcebergChange {
  std::string owner;
  Consumed next;
  IcebergSchema schema;  ///< that of the version before, extended
  int last_column_id = 0;
  std::vector<DataFile> files;
};

/// The content of a `vN.metadata.json`: docs/formats/iceberg-copy.md. Each version has
/// one snapshot more than the one before.
class IcebergMetadata {
 public:
  /// Version 0, which no file has.
  static IcebergMetadata New(const std::string& location, const Clock& clock);
  /// kDataLoss (not what ToText gives), kInvalidArgument (another program's).
  static Result<IcebergMetadata> Parse(const std::string& text);
  std::string ToText() const;

  std::int64_t version() const { return version_; }
  const std::string& location() const { return location_; }
  const std::string& owner() const { return owner_; }
  const Consumed& consumed() const { return consumed_; }
  const IcebergSchema& schema() const { return schema_; }
  int last_column_id() const { return last_column_id_; }
  std::uint64_t total_rows() const;
  std::int64_t snapshot_id() const;

  /// What each snapshot added. A manifest's location and size are the folder's matter.
  std::vector<ManifestEntry> Added() const;
  /// The next version. `manifest_list` is its location, `log_entry` that of this
  /// version's file (empty for version 0).
  Result<IcebergMetadata> With(const IcebergChange& change, std::int64_t snapshot_id,
                               const std::string& manifest_list,
                               const std::string& log_entry, const Clock& clock) const;

 private:
  Status ReadState();
  Json Summary(const IcebergChange& change) const;

  Json json_;
  std::int64_t version_ = 0;
  std::string location_, owner_;
  Consumed consumed_;
  IcebergSchema schema_;
  int last_column_id_ = 0;
};

}  // namespace millrace::lake
