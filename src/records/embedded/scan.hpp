#pragma once

#include <string>

#include "base/result.hpp"
#include "records/record_store.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// RecordStore::Scan on any connection, also within a transaction of the caller's.
Result<Position> ScanTable(Database& db, const std::string& collection,
                           const ScanEach& each);

}  // namespace millrace::records
