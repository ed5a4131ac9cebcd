#pragma once

#include <string_view>

#include "project/project.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// Name, access, auth, door, audit log and settings out of millrace.yaml, whose `content`
/// it is, into `project`.
void ReadProjectFile(const Node& root, std::string_view content, Project& project,
                     Report& report);

}  // namespace millrace::project
