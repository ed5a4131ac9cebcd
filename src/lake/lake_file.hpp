#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "objects/object_store.hpp"
#include "sql/engine.hpp"

namespace millrace::lake {

inline constexpr std::string_view kFormat = "1";

// Keys of the metadata (docs/formats/lake-file.md).
inline constexpr const char* kFormatKey = "millrace.format";
inline constexpr const char* kOwnerKey = "millrace.owner";
inline constexpr const char* kWriterKey = "millrace.writer";
inline constexpr const char* kPipelineHashKey = "millrace.pipeline_hash";
inline constexpr const char* kFirstOffsetKey = "millrace.first_offset";
inline constexpr const char* kNextOffsetKey = "millrace.next_offset";
inline constexpr const char* kGapKey = "millrace.gap";
inline constexpr const char* kRowsKey = "millrace.rows";
inline constexpr const char* kLastVersionKey = "millrace.last_version";
inline constexpr std::string_view kColumnPrefix = "millrace.column.";

/// "part-0000-": what the names of a partition's files begin with.
std::string NamePrefix(std::uint32_t partition);
/// "part-0000-<first, 20 digits>.parquet"
std::string FileName(std::uint32_t partition, Offset first);
/// "part-0000-start.parquet": where a partition that has no rows yet begins.
std::string StartName(std::uint32_t partition);
/// Whether readers of a folder take it for a file of a lake table.
bool IsLakeFile(std::string_view name);

/// Of "part-0001-…". kDataLoss.
Result<std::uint32_t> PartitionOf(std::string_view name);

/// What the metadata of a file say.
struct LakeFile {
  std::string name;
  std::uint32_t partition = 0;
  Offset first = 0;
  Offset next = 0;
  std::uint64_t rows = 0;
  Version last_version;
  std::string owner;
  std::string writer;
  std::map<std::string, std::string> metadata;
};

/// kDataLoss unless the offsets of `file` begin where those of `before` end.
Status CheckFollows(const LakeFile& before, const LakeFile& file);

/// Reads the metadata of the named files of a folder, in the order of their partitions
/// and offsets: the start file first. kDataLoss naming a file that is damaged, or whose
/// metadata are not those of its name.
Result<std::vector<LakeFile>> ReadLakeFiles(objects::ObjectStore& store,
                                            sql::Session& session,
                                            const std::string& folder,
                                            const std::vector<std::string>& names);

}  // namespace millrace::lake
