#pragma once

#include <optional>
#include <string_view>

#include "project/project.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// One streams/*.yaml.
struct ReadStreamResult {
  Stream stream;
  query::Access access;
  Node name_at;       ///< where its name stands
  bool whole = true;  ///< false: something was wrong, `stream` may lack fields
};

/// A stream without fields but for `event_id`, its key.
schema::Collection EmptyEvents(std::string name);

/// Nullopt when not even the name can be read. `content` is the file's.
std::optional<ReadStreamResult> ReadStream(const Node& root, std::string_view content,
                                           Report& report);

}  // namespace millrace::project
