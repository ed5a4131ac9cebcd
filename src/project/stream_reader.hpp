#pragma once

#include <optional>

#include "project/project.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// One streams/*.yaml.
struct ReadStreamResult {
  Stream stream;
  Node name_at;       ///< where its name stands
  bool whole = true;  ///< false: something was wrong, `stream` may lack fields
};

/// Nullopt when not even the name can be read.
std::optional<ReadStreamResult> ReadStream(const Node& root, Report& report);

}  // namespace millrace::project
