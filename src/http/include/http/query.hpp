#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::http {

struct QueryParam {
  std::string name;
  std::string value;
  friend bool operator==(const QueryParam&, const QueryParam&) = default;
};

/// "a=1&b=%20x&c" decoded, in order, repeated names kept; "+" is a blank. An absent "="
/// gives an empty value. kInvalidArgument: a broken %-sequence, or NUL.
Result<std::vector<QueryParam>> ParseQuery(std::string_view raw);

/// Appends `text` with everything but unreserved characters as %XX: for path segments and
/// query values.
void AppendPercentEncoded(std::string& out, std::string_view text);
/// kInvalidArgument: a broken %-sequence, or NUL. "+" stays a plus.
Result<std::string> PercentDecode(std::string_view text);

}  // namespace millrace::http
