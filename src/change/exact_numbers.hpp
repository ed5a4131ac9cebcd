#pragma once

#include <string>
#include <string_view>

namespace millrace::change {

/// `json` with each number that neither a 64-bit integer nor a double holds exactly as a
/// text that no document of ours can have: "\u0000" and the number. simdjson's DOM would
/// round it or refuse the whole. What is no JSON stays that.
std::string MarkNumbers(std::string_view json);
/// Minified JSON with the marked numbers as they stood.
std::string RestoreNumbers(std::string_view json);

}  // namespace millrace::change
