#pragma once

#include <string_view>

#include "base/result.hpp"
#include "project/project.hpp"

namespace millrace::project {

/// 127.0.0.0/8, ::1 or localhost.
bool IsLoopback(std::string_view address);

/// Whether `project` may be served on `address`. kPermissionDenied, with the way out: an
/// open one off loopback.
Status CheckAccess(const Project& project, std::string_view address);

}  // namespace millrace::project
