#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"

namespace millrace::identity {

/// Takes what a request about users ends with, exactly once, on a thread of this room or
/// of the record store; must not block.
using Done = std::move_only_function<void(Result<std::string> json)>;

}  // namespace millrace::identity
