#include "rows_query.hpp"

#include <algorithm>
#include <cmath>

#include "query/sql.hpp"
#include "schema/record_codec.hpp"

namespace millrace::warehouse {
namespace {

/// Stands where a value comes; no name of a column has it.
constexpr char kPlace = '\x01';

/// Puts the values in as quoted text: the engine's stream takes no parameters.
std::string WithValues(const query::SqlText& sql) {
  std::string out;
  std::size_t next = 0;
  for (const char c : sql.where) {
    if (c != kPlace) {
      out += c;
    } else {
      const auto& parameter = sql.parameters[next++];
      out += ValueSql(parameter.type, parameter.literal);
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
  dialect.parameter = [](const schema::Type&) { return std::string(1, kPlace); };
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

/// JSON has no infinities: they would be taken for null.
std::string CursorLiteral(const sql::Batch& block, std::size_t column, std::size_t row) {
  std::string literal;
  if (block.columns()[column].type.kind == schema::Kind::kDouble &&
      !block.IsNull(column, row) && !std::isfinite(block.Double(column, row))) {
    literal = query::NonFiniteLiteral(block.Double(column, row));
  } else {
    block.AppendJson(literal, column, row);
  }
  return literal;
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

std::optional<KeyCondition> AskedKeys(const TableInfo& table, const query::Query& query) {
  for (const auto& filter : query.filters) {
    if (filter.column >= table.columns.size() || filter.negated) continue;
    const auto& column = table.columns[filter.column];
    if (column.name != table.key) continue;
    if (filter.op != query::Op::kEq && filter.op != query::Op::kIn) continue;
    std::vector<std::string> values;
    for (const auto& literal : filter.literals) {
      values.push_back(ValueSql(column.type, literal));
    }
    return KeysAre(column, values);
  }
  return std::nullopt;
}

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
      last[i] = CursorLiteral(block, query.order[i].column, row);
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

Result<Warehouse::RowsPage> ReadKeysPage(sql::Session& session, const TableShape& shape,
                                         const KeyFilter* filter, KeyCondition keys,
                                         const TableInfo& table,
                                         const query::Query& query, Deadline deadline) {
  if (filter != nullptr) MR_CHECK_OK(Narrow(session, *filter, keys));
  return ReadPage(session, "(" + SelectNewest(shape, keys) + ")", table, query, deadline);
}

Result<std::optional<RowVersion>> FindVersion(sql::Session& session,
                                              const TableShape& shape,
                                              const KeyFilter* filter,
                                              const std::string& key, Deadline deadline) {
  const auto column =
      std::ranges::find(shape.columns, shape.key, &schema::TypedName::name);
  auto literal = schema::RecordCodec::LiteralFromText(column->type, key);
  if (!literal) return Fail(std::move(literal).error().During("key " + shape.key));
  auto condition = KeysAre(*column, {ValueSql(column->type, *literal)});
  if (filter != nullptr) MR_CHECK_OK(Narrow(session, *filter, condition));
  std::optional<std::string> version;
  RowVersion found;
  MR_CHECK_OK(session.Stream(SelectNewestVersion(shape, condition), deadline,
                             [&](const sql::Batch& block) {
                               if (block.rows() == 0) return true;
                               version = block.Text(0, 0);
                               found.deleted = block.Int64(1, 0) != 0;
                               return false;
                             }));
  if (!version) return std::nullopt;
  MR_TRY(found.version, Version::Parse(*version));
  return found;
}

}  // namespace millrace::warehouse
