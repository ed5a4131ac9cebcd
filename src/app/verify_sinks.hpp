#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "verify_stores.hpp"

namespace millrace::app {

/// A sink as it was before the log was read.
struct SinkMoment {
  const pipeline::StoredPipeline* pipeline = nullptr;
  std::string sink;  ///< "table.orders"
  std::string name;  ///< as in a verdict
  Refused refused;
  std::optional<lake::LakeExtent> extent;  ///< of a lake
  std::optional<TableAnswer> table;        ///< nothing: it does not have every column
  bool has_all = true;                     ///< can be compared with the log as it is
  std::size_t expected = 0;                ///< in LogHistory, where has_all

  bool is_table() const { return sink.starts_with("table."); }
};

/// Those that read `stream`, whose events have these members; none where it has had no
/// event. `left_out`: what is not to be compared, and why.
Result<std::deque<SinkMoment>> ReadSinks(VerifyStores& stores, const std::string& stream,
                                         const std::vector<std::string>& columns,
                                         const SliceMap& slices,
                                         std::vector<std::string>& left_out);

}  // namespace millrace::app
