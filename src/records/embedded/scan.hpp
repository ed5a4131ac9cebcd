#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// RecordStore::Scan on any connection: one statement, so one snapshot.
Status ScanTable(
    Database& db, const std::string& collection,
    const std::function<bool(std::string_view key, std::string_view document)>& each);

}  // namespace millrace::records
