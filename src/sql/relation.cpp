#include "relation.hpp"

#include <string>

namespace millrace::sql {
namespace {

template <typename T>
void Delete(void* object) {
  delete static_cast<T*>(object);
}

/// State of one scan.
struct Scan {
  std::shared_ptr<Relation> relation;  ///< with the session
  std::vector<idx_t> wanted;           ///< column of the relation per output vector
  const Batch::Impl* batch = nullptr;
  std::vector<std::size_t> found;  ///< column of the batch per output vector
  std::size_t block = 0;
  bool ended = false;
};

void Bind(duckdb_bind_info info) {
  const auto& relations =
      *static_cast<std::shared_ptr<Relations>*>(duckdb_bind_get_extra_info(info));
  duckdb_value value = duckdb_bind_get_parameter(info, 0);
  auto relation = relations->Find(duckdb_get_int64(value));
  duckdb_destroy_value(&value);

  duckdb_client_context context = nullptr;
  duckdb_table_function_get_client_context(info, &context);
  const idx_t connection = duckdb_client_context_get_connection_id(context);
  duckdb_destroy_client_context(&context);
  if (!relation || relation->connection != connection) {
    return duckdb_bind_set_error(info, "no such relation in this session");
  }
  for (const auto& column : relation->layout->columns) {
    duckdb_bind_add_result_column(info, column.name.c_str(),
                                  MakeLogicalType(column.type).get());
  }
  duckdb_bind_set_cardinality(info, relation->rows_guess, false);
  duckdb_bind_set_bind_data(info, new std::shared_ptr<Relation>(std::move(relation)),
                            Delete<std::shared_ptr<Relation>>);
}

void Init(duckdb_init_info info) {
  auto scan = std::make_unique<Scan>();
  scan->relation =
      *static_cast<std::shared_ptr<Relation>*>(duckdb_init_get_bind_data(info));
  const idx_t count = duckdb_init_get_column_count(info);
  for (idx_t i = 0; i < count; ++i) {
    scan->wanted.push_back(duckdb_init_get_column_index(info, i));
  }
  // One thread: rows keep their order.
  duckdb_init_set_max_threads(info, 1);
  duckdb_init_set_init_data(info, scan.release(), Delete<Scan>);
}

/// Maps the wanted columns to those of a batch: by place where the name agrees, else by
/// name.
Status Map(Scan& scan, const Batch& batch) {
  const auto& columns = scan.relation->layout->columns;
  scan.found.assign(scan.wanted.size(), 0);
  for (std::size_t i = 0; i < scan.wanted.size(); ++i) {
    const idx_t wanted = scan.wanted[i];
    if (wanted >= columns.size()) continue;  // row ids of count(*): never read
    const auto& name = columns[wanted].name;
    const bool in_place =
        wanted < batch.columns().size() && batch.columns()[wanted].name == name;
    const int found = in_place ? static_cast<int>(wanted) : batch.Find(name);
    if (found < 0) return Fail(ErrorCode::kInvalidArgument, "the batch lacks " + name);
    scan.found[i] = static_cast<std::size_t>(found);
    const auto& type = batch.impl().layout->types[scan.found[i]];
    if (!type.same_layout(scan.relation->layout->types[wanted])) {
      return Fail(ErrorCode::kInvalidArgument,
                  name + " of the batch is not " + columns[wanted].type.ToString());
    }
  }
  scan.batch = &batch.impl();
  scan.block = 0;
  return {};
}

/// Goes on to a batch with rows; false at the end.
Result<bool> NextBatch(Scan& scan) {
  while (!scan.ended &&
         (scan.batch == nullptr || scan.block == scan.batch->blocks.size())) {
    const Batch* batch = nullptr;
    if (scan.relation->next) {
      MR_TRY(batch, scan.relation->next());
    } else if (scan.batch == nullptr) {
      batch = scan.relation->batch;
    }
    if (batch == nullptr) {
      scan.ended = true;
    } else {
      MR_CHECK_OK(Map(scan, *batch));
    }
  }
  return !scan.ended;
}

void Emit(duckdb_function_info info, duckdb_data_chunk output) {
  auto& scan = *static_cast<Scan*>(duckdb_function_get_init_data(info));
  const auto more = NextBatch(scan);
  if (!more) return duckdb_function_set_error(info, more.error().message().c_str());
  if (!*more) return duckdb_data_chunk_set_size(output, 0);
  const Block& block = scan.batch->blocks[scan.block++];
  const std::size_t columns = scan.relation->layout->columns.size();
  for (std::size_t i = 0; i < scan.wanted.size(); ++i) {
    if (scan.wanted[i] >= columns) continue;
    duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, i),
                                   block.columns[scan.found[i]].vector);
  }
  duckdb_data_chunk_set_size(output, block.rows);
}

}  // namespace

std::int64_t Relations::Add(std::shared_ptr<Relation> relation) {
  const std::scoped_lock lock(mutex_);
  relations_.emplace(++last_, std::move(relation));
  return last_;
}

void Relations::Remove(std::int64_t id) {
  const std::scoped_lock lock(mutex_);
  relations_.erase(id);
}

std::shared_ptr<Relation> Relations::Find(std::int64_t id) {
  const std::scoped_lock lock(mutex_);
  const auto found = relations_.find(id);
  return found == relations_.end() ? nullptr : found->second;
}

Status Relations::Register(duckdb_connection connection,
                           const std::shared_ptr<Relations>& relations) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, "mr_relation");
  const LogicalType id(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
  duckdb_table_function_add_parameter(function, id.get());
  duckdb_table_function_set_extra_info(function,
                                       new std::shared_ptr<Relations>(relations),
                                       Delete<std::shared_ptr<Relations>>);
  duckdb_table_function_set_bind(function, Bind);
  duckdb_table_function_set_init(function, Init);
  duckdb_table_function_set_function(function, Emit);
  duckdb_table_function_supports_projection_pushdown(function, true);
  const auto state = duckdb_register_table_function(connection, function);
  duckdb_destroy_table_function(&function);
  if (state != DuckDBSuccess) {
    return Fail(ErrorCode::kInternal, "cannot register mr_relation");
  }
  return {};
}

}  // namespace millrace::sql
