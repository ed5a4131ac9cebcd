#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "query/query.hpp"
#include "schema/type.hpp"

namespace millrace::query {

/// "gte.10", "not.in.(a,b)" → the filter on `column`. Errors are sentences about the
/// parameter, without its name.
Result<Filter> ParseFilter(std::size_t column, const schema::TypedName& declared,
                           std::string_view text);

/// " <= ": a comparison (kEq to kLte) in SQL and in access rules.
std::string_view SignOf(Op op);

}  // namespace millrace::query
