#pragma once

#include <string>

#include "verify_rerun.hpp"

namespace millrace::app {

/// Compares what a lake that has begun has of the newest snapshot that its pipeline began
/// with with what the pipeline makes of that snapshot when it runs again. All of it
/// empty: it began with no snapshot.
Result<PartRows> CompareSnapshot(VerifyStores& stores,
                                 const pipeline::StoredPipeline& pipeline,
                                 const std::string& sink);

}  // namespace millrace::app
