#include <simdjson.h>

#include "engine_impl.hpp"
#include "error.hpp"

namespace millrace::sql {
namespace {

Result<Prepared> PrepareText(duckdb_connection connection, const std::string& text) {
  duckdb_prepared_statement handle = nullptr;
  const auto state = duckdb_prepare(connection, text.c_str(), &handle);
  Prepared prepared(handle);
  if (state != DuckDBSuccess) {
    const char* message = duckdb_prepare_error(handle);
    return Fail(ToError(DUCKDB_ERROR_INVALID, message == nullptr ? "" : message));
  }
  return prepared;
}

std::shared_ptr<const Layout> PreparedLayout(duckdb_prepared_statement statement) {
  auto layout = std::make_shared<Layout>();
  const idx_t count = duckdb_prepared_statement_column_count(statement);
  for (idx_t i = 0; i < count; ++i) {
    const LogicalType type(duckdb_prepared_statement_column_logical_type(statement, i));
    const char* name = duckdb_prepared_statement_column_name(statement, i);
    layout->types.push_back(ToColumnType(type.get()));
    layout->columns.push_back({name == nullptr ? "" : name, layout->types.back().type});
    duckdb_free(const_cast<char*>(name));
  }
  return layout;
}

/// SELECT with each column cast to our type for it.
std::string CastText(std::string text, const Layout& layout, Rows rows) {
  while (!text.empty() && (text.back() == ';' || std::isspace(text.back()) != 0)) {
    text.pop_back();
  }
  std::string columns;
  std::string names;
  for (std::size_t i = 0; i < layout.columns.size(); ++i) {
    const std::string alias = "c" + std::to_string(i);
    const std::string_view comma = i == 0 ? "" : ", ";
    columns += comma;
    columns += layout.types[i].canonical()
                   ? alias
                   : "CAST(" + alias + " AS " + layout.columns[i].type.ToSql() + ")";
    columns += " AS " + QuoteName(layout.columns[i].name);
    names.append(comma).append(alias);
  }
  // The text may end in a comment.
  if (rows == Rows::kAllFirst) {
    return "WITH mr_cast(" + names + ") AS MATERIALIZED (" + text + "\n) SELECT " +
           columns + " FROM mr_cast";
  }
  return "SELECT " + columns + " FROM (" + text + "\n) mr_cast(" + names + ")";
}

/// A text, number or truth value for one `?`.
Status BindLiteral(duckdb_prepared_statement statement, idx_t index,
                   const std::string& literal) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  std::string_view text = literal;
  duckdb_state state = DuckDBError;
  std::int64_t integer = 0;
  double real = 0;
  bool truth = false;
  const bool parsed = parser.parse(literal).get(element) == simdjson::SUCCESS;
  if (parsed && element.is_null()) {
    state = duckdb_bind_null(statement, index);
  } else if (parsed && element.get(truth) == simdjson::SUCCESS) {
    state = duckdb_bind_boolean(statement, index, truth);
  } else if (parsed && element.get(integer) == simdjson::SUCCESS) {
    state = duckdb_bind_int64(statement, index, integer);
  } else if (parsed && element.is_double() && element.get(real) == simdjson::SUCCESS) {
    state = duckdb_bind_double(statement, index, real);
  } else {
    // Strings without their quotes; arrays, objects and huge numbers as they stand.
    if (parsed && element.is_string()) text = element.get_string().value_unsafe();
    state = duckdb_bind_varchar_length(statement, index, text.data(), text.size());
  }
  if (state == DuckDBSuccess) return {};
  return Fail(ErrorCode::kInvalidArgument, "cannot bind " + literal.substr(0, 80));
}

Result<Batch> Fetch(duckdb_result& result, std::shared_ptr<const Layout> layout) {
  auto batch = std::make_unique<Batch::Impl>();
  batch->layout = std::move(layout);
  while (duckdb_data_chunk handle = duckdb_fetch_chunk(result)) {
    Chunk chunk(handle);
    if (duckdb_data_chunk_get_size(handle) > 0) batch->Add(std::move(chunk));
  }
  return Batch(std::move(batch));
}

}  // namespace

Result<std::unique_ptr<Statement::Impl>> PrepareReadable(duckdb_connection connection,
                                                         const std::string& text,
                                                         Rows rows) {
  auto out = std::make_unique<Statement::Impl>();
  MR_TRY(out->prepared, PrepareText(connection, text));
  out->kind = duckdb_prepared_statement_type(out->prepared.get());
  out->layout = PreparedLayout(out->prepared.get());
  const bool as_it_is = rows == Rows::kAsTheyCome &&
                        std::ranges::all_of(out->layout->types, &ColumnType::canonical);
  if (out->kind != DUCKDB_STATEMENT_TYPE_SELECT || as_it_is) return out;
  auto cast = PrepareText(connection, CastText(text, *out->layout, rows));
  if (cast) {
    out->prepared = std::move(*cast);
    out->layout = Layout::Of(out->layout->columns);
  } else if (rows == Rows::kAllFirst) {
    return std::unexpected(cast.error());
  }
  return out;
}

Status BindLiterals(duckdb_prepared_statement statement,
                    const std::vector<std::string>& literals) {
  const idx_t wanted = duckdb_nparams(statement);
  if (wanted != literals.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the statement has " + std::to_string(wanted) + " parameters, " +
                    std::to_string(literals.size()) + " were given");
  }
  for (std::size_t i = 0; i < literals.size(); ++i) {
    MR_CHECK_OK(BindLiteral(statement, i + 1, literals[i]));
  }
  return {};
}

Result<std::shared_ptr<const Layout>> LayoutOf(
    duckdb_result& result, const std::shared_ptr<const Layout>& expected) {
  auto layout = std::make_shared<Layout>();
  const idx_t count = duckdb_column_count(&result);
  bool same = expected != nullptr && expected->types.size() == count;
  for (idx_t i = 0; i < count; ++i) {
    const LogicalType handle(duckdb_column_logical_type(&result, i));
    ColumnType type = ToColumnType(handle.get());
    same = same && type.type == expected->types[i].type &&
           type.same_layout(expected->types[i]);
    layout->columns.push_back({duckdb_column_name(&result, i), type.type});
    layout->types.push_back(std::move(type));
    if (!layout->types.back().readable()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "column " + layout->columns.back().name +
                      " has a type without a text form here: cast it to VARCHAR");
    }
  }
  if (same) return expected;
  return layout;
}

Statement::Statement(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;
Statement::~Statement() = default;

const schema::Columns& Statement::columns() const { return impl_->layout->columns; }

Result<Batch> Statement::Execute(const std::vector<std::string>& literals) {
  MR_CHECK_OK(BindLiterals(impl_->prepared.get(), literals));
  Answer answer;
  if (duckdb_execute_prepared(impl_->prepared.get(), answer.get()) != DuckDBSuccess) {
    return Fail(answer.error());
  }
  MR_TRY(auto layout, LayoutOf(*answer.get(), impl_->layout));
  return Fetch(*answer.get(), std::move(layout));
}

}  // namespace millrace::sql
