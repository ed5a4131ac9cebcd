#pragma once

#include <vector>

#include "yaml.hpp"

namespace millrace::project {

/// `to:` of a pipeline. Names are checked one by one; that no two sinks of the project
/// meet is checked in project.cpp.
std::vector<Sink> ReadSinks(const Node& list, Report& report);

}  // namespace millrace::project
