#pragma once

#include <string>

#include "verify_stores.hpp"

namespace millrace::app {

/// Of a collection whose records belong to tenants, which no pipeline reads: compares
/// log and record store, changes of all tenants together, as the store adds them up, and
/// the newest of each key by tenant.
Result<CollectionVerdict> CompareTenants(VerifyStores& stores,
                                         const std::string& collection,
                                         const RecordsMoment& moment);

}  // namespace millrace::app
