#pragma once

#include <filesystem>

#include "base/copy.hpp"

namespace millrace::app {

/// Copies the lake tables below `lake` to `to` as of one moment for each table, while
/// files appear: of a table's commits (its parts, or what is in its `_commits`) all up to
/// one of them. What is staged, or was replaced by a rebuild, is left out. Durable on
/// success, names are not.
Status CopyLake(const std::filesystem::path& lake, const std::filesystem::path& to,
                const CopyProgress& progress);

}  // namespace millrace::app
