#pragma once

#include <string_view>

#include "project/project.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// The text of a scalar together with the way back into `content`, which it was read
/// from.
SqlText LocateText(const Node& scalar, std::string_view content, const Report& report);

}  // namespace millrace::project
