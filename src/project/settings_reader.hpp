#pragma once

#include "project/project.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// Name, access, auth, door and settings out of millrace.yaml into `project`.
void ReadProjectFile(const Node& root, Project& project, Report& report);

}  // namespace millrace::project
