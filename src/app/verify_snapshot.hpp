#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify_stores.hpp"

namespace millrace::app {

/// What a lake has of the newest snapshot that its pipeline began with.
struct SnapshotRows {
  std::optional<StoreSum> sum;  ///< nothing: it was not compared
  std::optional<Finding> finding;
  std::vector<std::string> left_out;
};

/// Compares these rows with what the pipeline makes of the snapshot when it runs again.
/// `sink`: of a lake that has begun. All of it empty: it began with no snapshot.
Result<SnapshotRows> CompareSnapshot(VerifyStores& stores,
                                     const pipeline::StoredPipeline& pipeline,
                                     const std::string& sink);

}  // namespace millrace::app
