#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "objects/object_store.hpp"
#include "sql/engine.hpp"

namespace millrace::lake {

/// Where an offset of the stream that feeds a partition of a lake table is.
struct OffsetPlace {
  enum class Where : std::uint8_t {
    kBefore,  ///< the partition begins after it
    kInFile,
    kBeyond,  ///< no file has it yet
  };
  Where where = Where::kBeyond;
  std::string file;                ///< kInFile: its path as the engine reads it
  Offset first = 0, next = 0;      ///< kInFile: its offsets
  std::uint64_t rows_of_file = 0;  ///< kInFile
  /// kInFile: those of the offset, 0 or 1 in a sound table; nullopt: the file has rows,
  /// but no column `_offset` to tell them by.
  std::optional<std::uint64_t> rows = 0;
};

/// Looks for an offset by the names of the files, and in one of them. The session must be
/// able to read the store. kNotFound: the folder has no such
/// partition; kDataLoss (a damaged
/// file, named), kUnavailable.
Result<OffsetPlace> FindOffset(objects::ObjectStore& store, sql::Session& session,
                               const std::string& folder, std::uint32_t partition,
                               Offset offset);

/// The files of a partition of a lake table as they were at one moment. Files never
/// change, so whoever reads these reads that moment.
struct LakeExtent {
  std::vector<std::string> files;  ///< as the engine reads them
  Offset begin = 0, next = 0;      ///< offsets of its stream that they stand for
};
/// Errors as FindOffset.
Result<LakeExtent> ReadExtent(objects::ObjectStore& store, sql::Session& session,
                              const std::string& folder, std::uint32_t partition);

/// The folder of the lake table that SQL knows as lake."name". kNotFound.
Result<std::string> FolderOf(objects::ObjectStore& store, const std::string& name);

}  // namespace millrace::lake
