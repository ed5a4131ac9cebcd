#pragma once

#include <memory>

#include "key_filter.hpp"
#include "table.hpp"

namespace millrace::warehouse {

/// What of a table is read.
struct TableParts {
  const Table& table;
  TableShape shape;
  std::shared_ptr<const KeyFilter> filter;  ///< of the keys; null: unknown
};

/// Runs `read` on the parts of the table that `find` gives; again when a merge has taken
/// a part meanwhile, or brought in keys that the filter did not have, or when the table
/// was replaced. A read without the filter takes it away.
template <typename Find, typename Read>
auto WithParts(Find find, Read read) -> decltype(read(std::declval<TableParts&>())) {
  for (;;) {
    MR_TRY(const auto table, find());
    TableParts parts{*table, table->shape(), table->keys()};
    auto answer = read(parts);
    const bool again = answer ? parts.filter && parts.filter != table->keys()
                              : answer.error().code() == ErrorCode::kInvalidArgument &&
                                    !table->HasParts(parts.shape);
    if (!again) return answer;
  }
}

}  // namespace millrace::warehouse
