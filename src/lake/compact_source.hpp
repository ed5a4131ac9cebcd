#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "objects/object_store.hpp"
#include "schema/type.hpp"
#include "sql/engine.hpp"

namespace millrace::lake {

/// Next offset by partition: what a copy has already.
using Consumed = std::map<std::uint32_t, Offset>;

/// A file of a lake table that has rows and is not in the copy yet.
struct SourceFile {
  std::string path;  ///< as the engine reads it
  std::uint32_t partition = 0;
  std::uint64_t rows = 0;
};

/// What a lake table has beyond `consumed`, as of one moment.
struct CompactSource {
  std::string owner;
  std::vector<SourceFile> files;  ///< in the order of partitions and offsets
  std::uint64_t rows = 0;
  schema::Columns columns;  ///< of these files; each with its widest type
  Consumed next;            ///< where all files end
};

/// Errors: kNotFound (no lake table), kInvalidArgument (its files are not those that
/// `consumed` came from), kDataLoss (a damaged file, or one is missing; named).
Result<CompactSource> ReadSource(objects::ObjectStore& store, sql::Session& session,
                                 const std::string& folder, const Consumed& consumed);

}  // namespace millrace::lake
