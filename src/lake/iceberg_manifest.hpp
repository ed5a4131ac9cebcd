#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "iceberg_schema.hpp"
#include "sql/engine.hpp"

namespace millrace::lake {

/// What a manifest says of a data file; maps are by the id of a column.
struct DataFile {
  std::string location;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::map<int, std::int64_t> column_bytes, values, nulls;
  std::map<int, std::string> lower, upper;  ///< in Iceberg's single-value form
};

/// Reads size and statistics of a Parquet file from its footer: sizes and nulls of
/// columns of one value; bounds as far as the footer has them (texts: printable ASCII,
/// cut at 16 characters; not of doubles and bytes). Errors: kDataLoss, kUnavailable.
Result<DataFile> Measure(sql::Session& session, const std::string& path,
                         const IcebergSchema& schema);

/// What the list of a snapshot's manifests says of one of them.
struct ManifestEntry {
  std::string location;
  std::int64_t bytes = 0;
  std::int64_t snapshot_id = 0;
  std::int64_t sequence = 0;
  std::int64_t files = 0, rows = 0;
};

/// The Avro file that names data files added by a snapshot.
std::string ManifestAvro(const IcebergSchema& schema, std::int64_t snapshot_id,
                         std::int64_t sequence, const std::vector<DataFile>& files);
/// The Avro file that names all manifests of a snapshot.
std::string ManifestListAvro(std::int64_t snapshot_id, std::int64_t sequence,
                             const std::vector<ManifestEntry>& manifests);

}  // namespace millrace::lake
