#include "base/json.hpp"
#include "engine_impl.hpp"
#include "error.hpp"
#include "sql/engine.hpp"

namespace millrace::sql {
namespace {

Error AppenderError(duckdb_appender appender) {
  duckdb_error_data data = duckdb_appender_error_data(appender);
  const char* message = duckdb_error_data_message(data);
  Error error = ToError(duckdb_error_data_error_type(data),
                        message == nullptr ? "unknown error" : message);
  duckdb_destroy_error_data(&data);
  return error;
}

/// Destroying an appender writes what it still holds: after an error there is nothing.
struct AppenderCloser {
  void operator()(_duckdb_appender* appender) const {
    duckdb_appender_destroy(&appender);
  }
};
using Appender = std::unique_ptr<_duckdb_appender, AppenderCloser>;

Status AppendBlocks(duckdb_appender appender, const Batch::Impl& batch) {
  for (const auto& block : batch.blocks) {
    if (duckdb_append_data_chunk(appender, block.chunk.get()) != DuckDBSuccess) {
      Error error = AppenderError(appender);
      duckdb_appender_clear(appender);
      return Fail(std::move(error));
    }
  }
  if (duckdb_appender_close(appender) != DuckDBSuccess)
    return Fail(AppenderError(appender));
  return {};
}

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

}  // namespace

Session::Impl::~Impl() {
  for (const auto& [name, entry] : named) relations->Remove(entry.id);
  if (connection != nullptr) duckdb_disconnect(&connection);
}

Status Session::Impl::Add(const std::string& name, std::shared_ptr<Relation> relation) {
  relation->connection = id;
  const std::int64_t number = relations->Add(relation);
  const std::string view = "CREATE OR REPLACE TEMP VIEW " + QuoteName(name) +
                           " AS SELECT * FROM mr_relation(" + std::to_string(number) +
                           ")";
  Answer answer;
  if (duckdb_query(connection, view.c_str(), answer.get()) != DuckDBSuccess) {
    relations->Remove(number);
    return Fail(answer.error().During("make the relation " + name));
  }
  auto& entry = named[name];
  if (entry.relation) {
    entry.relation->batch = nullptr;
    relations->Remove(entry.id);
  }
  entry = {number, std::move(relation)};
  return {};
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Status Session::Run(const std::string& text) {
  Answer answer;
  if (duckdb_query(impl_->connection, text.c_str(), answer.get()) != DuckDBSuccess) {
    return Fail(answer.error());
  }
  return {};
}

Result<Batch> Session::Query(const std::string& text,
                             const std::vector<std::string>& literals) {
  MR_TRY(auto statement, Prepare(text));
  return statement.Execute(literals);
}

Result<Statement> Session::Prepare(const std::string& text) {
  MR_TRY(auto statement, PrepareReadable(impl_->connection, text));
  return Statement(std::move(statement));
}

Status Session::AddRelation(const std::string& name, const schema::Columns& columns) {
  auto relation = std::make_shared<Relation>();
  relation->layout = Layout::Of(columns);
  return impl_->Add(name, std::move(relation));
}

void Session::SetRelation(const std::string& name, const Batch* batch) {
  const auto found = impl_->named.find(name);
  if (found == impl_->named.end()) return;
  found->second.relation->batch = batch;
  if (batch != nullptr) found->second.relation->rows_guess = batch->rows();
}

Status Session::Append(const std::string& schema, const std::string& table,
                       const Batch& batch) {
  if (batch.rows() == 0) return {};
  duckdb_appender handle = nullptr;
  const auto state =
      duckdb_appender_create(impl_->connection, schema.empty() ? nullptr : schema.c_str(),
                             table.c_str(), &handle);
  const Appender appender(handle);
  if (state != DuckDBSuccess)
    return Fail(AppenderError(handle).During("append to " + table));
  if (duckdb_appender_column_count(handle) != batch.columns().size()) {
    return Fail(ErrorCode::kInvalidArgument,
                "append to " + table + ": the table has another number of columns");
  }
  auto appended = AppendBlocks(handle, batch.impl());
  if (!appended) return Fail(std::move(appended).error().During("append to " + table));
  return {};
}

Result<std::string> Session::SerializeSql(const std::string& select) {
  MR_TRY(const Batch answer,
         Query("SELECT tree::VARCHAR, (tree->>'error')::BOOLEAN, tree->>'error_message' "
               "FROM (SELECT json_serialize_sql(?::VARCHAR) AS tree)",
               {JsonString(select)}));
  if (answer.Int64(1, 0) != 0) {
    return Fail(ErrorCode::kInvalidArgument, std::string(answer.Text(2, 0)));
  }
  return std::string(answer.Text(0, 0));
}

Result<std::string> Session::DeserializeSql(const std::string& tree) {
  MR_TRY(const Batch answer,
         Query("SELECT json_deserialize_sql(?::VARCHAR::JSON)", {JsonString(tree)}));
  return std::string(answer.Text(0, 0));
}

void Session::Interrupt() { duckdb_interrupt(impl_->connection); }

}  // namespace millrace::sql
