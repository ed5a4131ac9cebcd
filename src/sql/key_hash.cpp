#include "key_hash.hpp"

#include <cstdint>

#include "base/bytes.hpp"
#include "types.hpp"

namespace millrace::sql {
namespace {

void HashKeys(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
  const auto keys = duckdb_data_chunk_get_vector(input, 0);
  auto* const texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(keys));
  auto* const hashes = static_cast<std::uint32_t*>(duckdb_vector_get_data(output));
  auto* const valid = duckdb_vector_get_validity(keys);
  const idx_t rows = duckdb_data_chunk_get_size(input);
  for (idx_t row = 0; row < rows; ++row) {
    const bool known = valid == nullptr || duckdb_validity_row_is_valid(valid, row);
    hashes[row] = known ? Crc32c({duckdb_string_t_data(&texts[row]),
                                  duckdb_string_t_length(texts[row])})
                        : 0;
  }
}

}  // namespace

Status RegisterKeyHash(duckdb_connection connection) {
  const LogicalType text(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
  const LogicalType hash(duckdb_create_logical_type(DUCKDB_TYPE_UINTEGER));
  duckdb_scalar_function function = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(function, "mr_key_hash");
  duckdb_scalar_function_add_parameter(function, text.get());
  duckdb_scalar_function_set_return_type(function, hash.get());
  duckdb_scalar_function_set_function(function, HashKeys);
  const auto state = duckdb_register_scalar_function(connection, function);
  duckdb_destroy_scalar_function(&function);
  if (state == DuckDBSuccess) return {};
  return Fail(ErrorCode::kInternal, "cannot register mr_key_hash");
}

}  // namespace millrace::sql
