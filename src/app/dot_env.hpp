#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::app {

using Variables = std::map<std::string, std::string, std::less<>>;

/// The lines NAME=value of an .env file: blanks around both, `export ` before, quotes
/// around the value, and empty or # lines are passed over. A later line wins.
/// kInvalidArgument names the line that is none of these.
Result<Variables> ParseDotEnv(std::string_view text);

}  // namespace millrace::app
