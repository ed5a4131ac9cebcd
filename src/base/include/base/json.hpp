#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// Direct JSON writing, the canonical form that stored records and sums are made of:
/// no spaces; text with only `"`, `\` and control characters escaped (\b \f \n \r \t,
/// else
/// \u00xx, lower-case hex); non-ASCII as UTF-8.
void AppendJsonString(std::string& out, std::string_view text);
/// Appends `"key":`.
void AppendJsonKey(std::string& out, std::string_view key);
void AppendInt(std::string& out, std::int64_t value);
void AppendUint(std::string& out, std::uint64_t value);
/// Shortest text that reads back to the same double; integers without ".0"
/// (1e+20, 0.1, 5, -0). NaN and infinities (not JSON) as null.
void AppendDouble(std::string& out, double value);

}  // namespace millrace
