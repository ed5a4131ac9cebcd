#pragma once

#include <string_view>

#include "project/project.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// `audit:` of millrace.yaml, whose `content` it is: `true`, or {stream, read}. Puts the
/// stream into `project`, whose `access:` and `auth:` are read.
void ReadAudit(const Node& node, std::string_view content, Project& project,
               Report& report);

}  // namespace millrace::project
