#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "project/project.hpp"
#include "schema/collection.hpp"

namespace millrace::pipeline {

/// What an event of a stream is a change of, for a pipeline that reads it by a codec.
struct ForeignRecord {
  std::string key;  ///< text form
  Version version;  ///< of its row
  char op = 'c';    ///< c u d
};

/// `body`: the event as the log has it. Nothing: the pipeline has no codec, and the event
/// is what it says itself. kInvalidArgument: it cannot be read so.
Result<std::optional<ForeignRecord>> ReadForeign(const project::Pipeline& pipeline,
                                                 const schema::Collection& collection,
                                                 std::string_view body);

}  // namespace millrace::pipeline
