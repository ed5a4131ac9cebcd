#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

/// Names of directories and files: <log>/<tenant or "_">/<stream>/<first, 20 digits>.log.
namespace millrace::eventlog {

/// kInvalidArgument: an empty stream name, or a name too long for a directory.
Status CheckStream(const StreamId& stream);
std::filesystem::path StreamDirectory(const std::filesystem::path& log,
                                      const StreamId& stream);
std::filesystem::path SegmentPath(const std::filesystem::path& directory, Offset first);

/// Streams that have a directory, in order; what is none of ours is left out.
Result<std::vector<StreamId>> ListStreams(const std::filesystem::path& log);
/// First offsets of the segments in a stream's directory, ascending. An absent directory
/// has none.
Result<std::vector<Offset>> ListSegments(const std::filesystem::path& directory);
/// Removes what a crash while beginning a segment left.
Status RemoveTemporaries(const std::filesystem::path& directory);

inline constexpr std::string_view kTemporarySuffix = ".tmp";

}  // namespace millrace::eventlog
