#pragma once

#include <string>

#include "verify_rerun.hpp"

namespace millrace::app {

/// Compares what redrives brought into a lake that has begun with what its pipeline makes
/// of these letters when it runs again. `slices`: of `stream`, which the pipeline reads;
/// `declared`: it is no collection's. All of it empty: nothing was redriven.
Result<PartRows> CompareRedriven(VerifyStores& stores, const SliceMap& slices,
                                 const eventlog::StreamInfo& stream, bool declared,
                                 const pipeline::StoredPipeline& pipeline,
                                 const std::string& sink);

}  // namespace millrace::app
