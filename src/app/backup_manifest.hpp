#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/copy.hpp"
#include "base/result.hpp"

namespace millrace::app {

/// What a backup consists of; docs/formats/backup.md.
struct BackupManifest {
  struct Entry {
    std::filesystem::path path;  ///< relative
    FileSum sum;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::string made_by;  ///< version of millrace
  std::string made_at;  ///< RFC 3339
  std::vector<Entry> files;
  std::uint64_t bytes() const;
};

inline constexpr std::string_view kManifestFile = "MANIFEST";

std::string ToText(const BackupManifest& manifest);
/// kDataLoss: damaged or cut; kConflict: of a newer format.
Result<BackupManifest> ParseManifest(std::string_view text);

}  // namespace millrace::app
