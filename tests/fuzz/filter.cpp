/// A query string is SQL with as many values as places, or errors that name parameters.

#include <algorithm>
#include <cstdint>

#include "query/query.hpp"
#include "query/sql.hpp"
#include "sample.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  static const auto columns = fuzz::Sample().DocumentColumns();
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const auto query = query::Parse(raw, "sample", columns, "id");
  if (!query) {
    fuzz::Require(!query.error().message().empty(), "an error says why");
    return 0;
  }
  fuzz::Require(query->limit >= 1 && query->limit <= query::kMaxLimit,
                "a page has a bound");
  fuzz::Require(!query->order.empty(), "the order is total");
  const query::SqlDialect dialect{
      .column = [](std::size_t column) { return "c" + std::to_string(column); },
      .parameter = [](const schema::Type&) { return std::string("?"); },
      .nullable = {},
      .like_minds_case = size % 2 == 0};
  const auto text = query::ToSql(*query, columns, dialect);
  // No text of a query comes from outside, so that each ? is a place.
  const auto places = std::ranges::count(text.where, '?');
  fuzz::Require(static_cast<std::size_t>(places) == text.parameters.size(),
                "every value is a parameter");
  return 0;
}
