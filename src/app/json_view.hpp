#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::app {

/// What the command line makes of the server's JSON.

struct Items {
  std::vector<std::string> items;  ///< JSON texts
  std::string next_cursor;         ///< empty: the last page
};
Items ItemsOf(std::string_view page);

/// The same JSON without line breaks and blanks; empty when it is broken.
std::string OneLine(std::string_view json);

/// The JSON of `millrace status` as a table for people.
std::string StatusTable(std::string_view json);

}  // namespace millrace::app
