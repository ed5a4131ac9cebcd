#pragma once

#include <string_view>

#include "query/access.hpp"
#include "values.hpp"

namespace millrace::project {

/// `rules:` and `tenant:` of a collection, whose documents have `columns` (null: they
/// could not be read, and the rules are left unchecked). `content` is the file's.
query::Access ReadAccess(const Keys& keys, const schema::Columns* columns,
                         std::string_view content, Report& report);

}  // namespace millrace::project
