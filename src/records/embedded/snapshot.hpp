#pragma once

#include <filesystem>

#include "base/copy.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// A connection that sees the file as it is now for as long as it lives; writers go on.
Result<Database> OpenSnapshot(const std::filesystem::path& file);

/// What the snapshot sees, as a new database `to`; durable on success.
Status CopyPages(Database& snapshot, const std::filesystem::path& to,
                 const CopyProgress& progress);

}  // namespace millrace::records
