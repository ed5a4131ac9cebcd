#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "query/condition.hpp"
#include "query/seal.hpp"
#include "schema/type.hpp"

namespace millrace::query {

/// Nulls come last ascending and first descending (as in PostgreSQL).
struct Order {
  std::size_t column;
  bool descending;
  friend bool operator==(const Order&, const Order&) = default;
};

struct Query {
  std::vector<Filter> filters;  ///< all must hold
  /// What the access rules leave to who asks, beside the filters.
  Condition visible;
  /// Ends with the key, so that the order is total; without an `order` it is the key
  /// ascending, else the key goes the way of the column before it.
  std::vector<Order> order;
  std::uint32_t limit = 100;
  /// Literals of the order columns of the last row of the page before; empty: first page.
  /// Behind them what the store put into the cursor to tell rows apart that are equal in
  /// all of these.
  std::vector<std::string> after;
  /// Of its cursors: bound to name, order and filters, and what Parse was given.
  Seal seal = {};
  /// Parameters that Parse was told to leave to its caller.
  std::map<std::string, std::string, std::less<>> extra;
};

inline constexpr std::uint32_t kMaxLimit = 1000;

/// Reads the raw query of a URL, in the style of PostgREST:
///   status=eq.shipped&amount=gte.10&order=_created_at.desc,amount&limit=50&cursor=…
/// Operators: eq neq gt gte lt lte in.(a,b,"c,d") is.null is.not_null like ilike, each
/// also as not.X; a field may be named more than once. `name` is the collection's or
/// table's, `key` its unique column that is never null (empty: none, then pages may miss
/// rows that are equal in all order columns, unless the store tells them apart). Values
/// are read by the column's type.
/// Fields called order, limit or cursor, like one of `extra`, cannot be filtered by.
/// json, arrays and objects know only is.null, and cannot be ordered by. A cursor is good
/// with the `seal` (route and who asks) that it was made with.
/// Error: kInvalidArgument, one FieldError a bad parameter (pointer = its name).
Result<Query> Parse(std::string_view raw, std::string_view name,
                    const schema::Columns& columns, std::string_view key,
                    const std::vector<std::string_view>& extra = {}, Seal seal = {});

/// The cursor that goes on after a row: `last` holds its literals of query.order, in that
/// order ("null" for null), then what else the store needs. Opaque, and sealed: one of
/// another query, or that nobody got here, is refused.
std::string EncodeCursor(const Query& query, const std::vector<std::string>& last);
/// What stands there for an infinite double, or for one that is no number: rows show it
/// as null, which it is not. The engine casts it back.
std::string NonFiniteLiteral(double value);
/// The same from a canonical document that has the order columns as members.
std::string EncodeCursor(const Query& query, const schema::Columns& columns,
                         std::string_view document);

}  // namespace millrace::query
