#pragma once

#include <functional>
#include <string>
#include <vector>

#include "query/query.hpp"
#include "schema/type.hpp"

namespace millrace::query {

/// What differs between the stores that a Query is put to.
struct SqlDialect {
  /// Expression of a column: `mr_field(body, 'amount', …)`, `"amount"`.
  std::function<std::string(std::size_t column)> column;
  /// Placeholder of a parameter of a type: `?`, `CAST(? AS DECIMAL(10,2))`.
  std::function<std::string(const schema::Type& type)> parameter;
  /// Whether a column can be null; the key never is. Where it cannot, an index serves the
  /// order and the cursor as they stand. Empty: all others can.
  std::function<bool(std::size_t column)> nullable;
  /// True: LIKE does, and translate() exists (DuckDB, PostgreSQL). False: GLOB minds case
  /// and LIKE does not mind that of A to Z (SQLite).
  bool like_minds_case = true;
};

struct SqlParameter {
  schema::Type type;
  std::string literal;  ///< canonical: for schema::ToSortValue or schema::TextOf
};

struct SqlText {
  std::string where;     ///< filters and cursor; "TRUE" for none
  std::string order_by;  ///< without the words ORDER BY; empty for no order
  std::vector<SqlParameter> parameters;  ///< in the order of the placeholders in `where`
};

/// WHERE and ORDER BY of a query. Every value is a parameter; names come from the
/// dialect's callbacks alone. The cursor is one comparison a column and null, not an
/// offset, so the last page costs no more than the first where an index gives the order.
SqlText ToSql(const Query& query, const schema::Columns& columns,
              const SqlDialect& dialect);

}  // namespace millrace::query
