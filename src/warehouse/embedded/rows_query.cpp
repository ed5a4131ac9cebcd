#include "rows_query.hpp"

#include "query/sql.hpp"
#include "schema/record_codec.hpp"

namespace millrace::warehouse {
namespace {

/// Stands where a value comes; no name of a column has it.
constexpr char kPlace = '\x01';

std::string Parameter(const schema::Type& type) {
  const std::string place(1, kPlace);
  if (type.kind == schema::Kind::kBytes) return "from_base64(" + place + ")";
  return "CAST(" + place + " AS " + type.ToSql() + ")";
}

/// Puts the values in as quoted text: the engine's stream takes no parameters.
std::string WithValues(const query::SqlText& sql) {
  std::string out;
  std::size_t next = 0;
  for (const char c : sql.where) {
    if (c != kPlace) {
      out += c;
    } else {
      const auto& literal = sql.parameters[next++].literal;
      out += literal == "null" ? "NULL" : sql::QuoteText(schema::TextOf(literal));
    }
  }
  return out;
}

std::string PageText(const std::string& from, const TableInfo& table,
                     const query::Query& query) {
  query::SqlDialect dialect;
  dialect.column = [&](std::size_t column) {
    return sql::QuoteName(table.columns[column].name);
  };
  dialect.parameter = Parameter;
  dialect.nullable = [&](std::size_t column) {
    return table.columns[column].name != table.key;
  };
  const auto sql = query::ToSql(query, table.columns, dialect);
  std::string text = "SELECT ";
  for (const auto& column : table.columns) {
    if (!text.ends_with(' ')) text += ',';
    text += sql::QuoteName(column.name);
  }
  text += " FROM " + from + " WHERE " + WithValues(sql);
  if (!sql.order_by.empty()) text += " ORDER BY " + sql.order_by;
  return text + " LIMIT " + std::to_string(std::uint64_t{query.limit} + 1);
}

Status CheckColumns(const TableInfo& table, const query::Query& query) {
  bool fits = true;
  for (const auto& filter : query.filters) {
    fits = fits && filter.column < table.columns.size();
  }
  for (const auto& order : query.order) {
    fits = fits && order.column < table.columns.size();
  }
  if (fits) return {};
  return Fail(ErrorCode::kInvalidArgument, "the query is not of table " + table.name);
}

}  // namespace

Result<Warehouse::RowsPage> ReadPage(sql::Session& session, const std::string& from,
                                     const TableInfo& table, const query::Query& query,
                                     Deadline deadline) {
  MR_CHECK_OK(CheckColumns(table, query));
  Warehouse::RowsPage page;
  page.position = table.position;
  std::vector<std::string> last(query.order.size());
  const auto take = [&](const sql::Batch& block, std::size_t row) {
    if (page.rows.size() == query.limit) {
      page.next_cursor = query::EncodeCursor(query, last);
      return false;
    }
    block.AppendJsonRow(page.rows.emplace_back(), row);
    if (page.rows.size() < query.limit) return true;
    for (std::size_t i = 0; i < last.size(); ++i) {
      block.AppendJson(last[i], query.order[i].column, row);
    }
    return true;
  };
  MR_CHECK_OK(session.Stream(PageText(from, table, query), deadline,
                             [&](const sql::Batch& block) {
                               for (std::size_t row = 0; row < block.rows(); ++row) {
                                 if (!take(block, row)) return false;
                               }
                               return true;
                             }));
  return page;
}

}  // namespace millrace::warehouse
