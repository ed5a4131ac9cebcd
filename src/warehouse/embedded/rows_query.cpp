#include "rows_query.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "lake_views.hpp"
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

/// What a page is read from.
struct Source {
  std::string from;         ///< after FROM
  schema::Columns columns;  ///< of the rows, then hidden ones
  std::size_t shown = 0;    ///< so many are the rows'
  std::function<bool(std::size_t column)> nullable;
};

std::string PageText(const Source& source, const query::Query& query) {
  query::SqlDialect dialect;
  dialect.column = [&](std::size_t column) {
    return sql::QuoteName(source.columns[column].name);
  };
  dialect.parameter = [](const schema::Type&) { return std::string(1, kPlace); };
  dialect.nullable = source.nullable;
  const auto sql = query::ToSql(query, source.columns, dialect);
  std::string text = "SELECT ";
  for (const auto& column : source.columns) {
    if (!text.ends_with(' ')) text += ',';
    text += sql::QuoteName(column.name);
  }
  text += " FROM " + source.from + " WHERE " + WithValues(sql);
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

bool Fits(const query::Condition& condition, std::size_t columns) {
  using Kind = query::Condition::Kind;
  const bool compares =
      condition.kind == Kind::kFilter || condition.kind == Kind::kColumns;
  if (compares && condition.filter.column >= columns) return false;
  if (condition.kind == Kind::kColumns && condition.other >= columns) return false;
  return std::ranges::all_of(condition.parts,
                             [&](const auto& part) { return Fits(part, columns); });
}

Status CheckColumns(const TableInfo& table, const query::Query& query) {
  bool fits = Fits(query.visible, table.columns.size());
  for (const auto& filter : query.filters) {
    fits = fits && filter.column < table.columns.size();
  }
  for (const auto& order : query.order) {
    fits = fits && order.column < table.columns.size();
  }
  if (fits) return {};
  return Fail(ErrorCode::kInvalidArgument, "the query is not of table " + table.name);
}

/// Takes the rows of one SELECT after the other until a page is full.
class PageReader {
 public:
  /// `shown`: so many columns are the rows'.
  PageReader(const query::Query& query, std::size_t shown)
      : query_(query), shown_(shown), last_(query.order.size()) {
    std::iota(shown_.begin(), shown_.end(), 0);
  }

  Status Read(sql::Session& session, const std::string& select, Deadline deadline) {
    return session.Stream(select, deadline, [&](const sql::Batch& block) {
      for (std::size_t row = 0; row < block.rows(); ++row) {
        if (!Take(block, row)) return false;
      }
      return true;
    });
  }
  /// There is at least one row more than the page has.
  bool full() const { return page_.next_cursor.has_value(); }
  Warehouse::RowsPage Finish() { return std::move(page_); }

 private:
  bool Take(const sql::Batch& block, std::size_t row) {
    if (page_.rows.size() == query_.limit) {
      page_.next_cursor = query::EncodeCursor(query_, last_);
      return false;
    }
    block.AppendJsonRow(page_.rows.emplace_back(), row, shown_);
    if (page_.rows.size() < query_.limit) return true;
    for (std::size_t i = 0; i < last_.size(); ++i) {
      last_[i] = CursorLiteral(block, query_.order[i].column, row);
    }
    return true;
  }

  const query::Query& query_;
  std::vector<std::size_t> shown_;
  std::vector<std::string> last_;
  Warehouse::RowsPage page_;
};

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
  const Source source{from, table.columns, table.columns.size(), [&](std::size_t column) {
                        return table.columns[column].name != table.key;
                      }};
  PageReader reader(query, source.shown);
  MR_CHECK_OK(reader.Read(session, PageText(source, query), deadline));
  auto page = reader.Finish();
  page.position = table.position;
  return page;
}

Result<Warehouse::RowsPage> ReadLakePage(sql::Session& session, const std::string& files,
                                         const TableInfo& table,
                                         const query::Query& query, Deadline deadline) {
  MR_CHECK_OK(CheckColumns(table, query));
  auto asked = query;
  // Made by a version before, which went on behind the rows that are equal.
  if (query.after.size() == query.order.size() && !query.after.empty()) {
    asked.after.insert(asked.after.end(), {"\"~\"", "0"});
  }
  Source source{files, table.columns, table.columns.size(), {}};
  for (const auto& [name, kind] : {std::pair(kLakeFile, schema::Kind::kText),
                                   std::pair(kLakeRow, schema::Kind::kBigint)}) {
    asked.order.push_back({source.columns.size(), false});
    source.columns.push_back({std::string(name), schema::Type::Simple(kind)});
  }
  const auto is_key = [&](std::size_t column) {
    return source.columns[column].name == table.key;
  };
  // By offsets upwards, rows without one come last. They are looked for by themselves:
  // "or it is null" would read every file there is.
  const auto& first = asked.order.front();
  const bool by_offset = !asked.after.empty() && asked.after.front() != "null" &&
                         is_key(first.column) && !first.descending;
  source.nullable = [&](std::size_t column) {
    return column < source.shown && !(by_offset && is_key(column));
  };
  PageReader reader(asked, source.shown);
  MR_CHECK_OK(reader.Read(session, PageText(source, asked), deadline));
  if (by_offset && !reader.full()) {
    asked.after.clear();
    asked.filters.push_back({first.column, query::Op::kIsNull, false, {}});
    MR_CHECK_OK(reader.Read(session, PageText(source, asked), deadline));
  }
  return reader.Finish();
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
