#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "import_reader.hpp"

namespace millrace::app {

/// Top-level text or number member of a JSON object as text; empty when absent, null, or
/// the object is broken (the server says why when it gets it).
std::string TextMember(std::string_view json, std::string_view name);

/// As TextMember, as a number; 0 where that is empty or no whole number.
std::uint64_t NumberMember(std::string_view json, std::string_view name);

/// From the answer of GET /api/collections/{collection}.
Result<CollectionShape> ParseCollectionShape(std::string_view json);

}  // namespace millrace::app
