#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "schema/collection.hpp"

namespace millrace::records {

/// One difference between a collection as it was last opened and as it is declared now.
struct SchemaChange {
  std::string collection;
  std::string what;     ///< "field amount: decimal(10,2) -> decimal(12,2)"
  std::string refused;  ///< why stored records forbid it; empty: the next Open applies it
};

/// What EmbeddedRecords::Open would do with `collections`, read beside a running server
/// or without one; nothing is changed. A directory without records: every collection is
/// new. kConflict: a newer format.
Result<std::vector<SchemaChange>> PlanSchema(
    const std::filesystem::path& directory,
    const std::vector<schema::Collection>& collections);

}  // namespace millrace::records
