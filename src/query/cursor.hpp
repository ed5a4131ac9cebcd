#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/query.hpp"

namespace millrace::query {

/// Name, order and filters as one text: the same for no two queries.
std::string Described(const Query& query, std::string_view name,
                      const schema::Columns& columns);

/// The literals inside a cursor, or nothing if it is not one of this query.
std::optional<std::vector<std::string>> DecodeCursor(const Query& query,
                                                     const schema::Columns& columns,
                                                     std::string_view cursor);

}  // namespace millrace::query
