#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

struct Parameter {
  std::string name;
  std::string value;
  bool broken = false;  ///< a `%` without two hex digits
};

/// `a=1&b=x%20y+z`; "+" is a space, empty parts are left out.
std::vector<Parameter> SplitParameters(std::string_view raw);

/// `a,b,"c,d"`: parts at commas outside of quotes; in quotes \" and \\ stand for " and \.
/// Nothing if a quote is not closed, or text stands beside a quoted part.
std::optional<std::vector<std::string>> SplitList(std::string_view text);

}  // namespace millrace::query
