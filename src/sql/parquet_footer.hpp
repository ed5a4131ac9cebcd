#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.hpp"

namespace millrace::sql {

/// Digits that are in no other place of the file, to be replaced later.
std::string MakePlaceholder(std::size_t length);

/// Replaces texts in the footer of a Parquet file by others of the same length and reads
/// them back. kInternal unless each is there exactly once; kDataLoss if what is read back
/// is not what was written.
Status PatchParquetFooter(const std::filesystem::path& path,
                          const std::map<std::string, std::string>& replacements);

}  // namespace millrace::sql
