#pragma once

#include <string_view>
#include <vector>

#include "yaml.hpp"

namespace millrace::project {

/// `to:` of a pipeline; `content` is the file's. Names are checked one by one; that no
/// two sinks of the project meet is checked in project.cpp.
std::vector<Sink> ReadSinks(const Node& list, std::string_view content, Report& report);

}  // namespace millrace::project
