#pragma once

#include <duckdb.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "sql/batch.hpp"
#include "types.hpp"

namespace millrace::sql {

inline constexpr std::size_t kBlockRows = 2048;  ///< the engine's vector size

struct ChunkCloser {
  void operator()(_duckdb_data_chunk* chunk) const { duckdb_destroy_data_chunk(&chunk); }
};
using Chunk = std::unique_ptr<_duckdb_data_chunk, ChunkCloser>;

/// A vector with its parts at hand.
struct VectorView {
  duckdb_vector vector = nullptr;
  void* data = nullptr;
  std::uint64_t* validity = nullptr;  ///< null: no nulls

  static VectorView Of(duckdb_vector vector) {
    return {vector, duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector)};
  }
  bool null(std::size_t row) const {
    return validity != nullptr && ((validity[row / 64] >> (row % 64)) & 1u) == 0;
  }
};

inline std::string_view ReadText(const void* data, std::size_t row) {
  const auto& text = static_cast<const duckdb_string_t*>(data)[row];
  const auto length = text.value.inlined.length;
  const char* at = length <= 12 ? text.value.inlined.inlined : text.value.pointer.ptr;
  return {at, length};
}

/// One chunk of the engine.
struct Block {
  Chunk chunk;
  std::size_t start = 0;  ///< row of the batch
  std::size_t rows = 0;
  std::vector<VectorView> columns;

  static Block Of(Chunk chunk, std::size_t start);
};

/// Where texts over 12 bytes lie that a builder put into its vectors.
class TextArena {
 public:
  const char* Copy(std::string_view text) {
    if (text.size() > left_) Grow(text.size());
    char* at = next_;
    std::memcpy(at, text.data(), text.size());
    next_ += text.size();
    left_ -= text.size();
    return at;
  }

 private:
  void Grow(std::size_t needed);

  std::vector<std::unique_ptr<char[]>> pages_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

struct Batch::Impl {
  std::shared_ptr<const Layout> layout;  ///< with the statement or builder that made it
  std::vector<Block> blocks;
  std::size_t rows = 0;
  TextArena texts;
  mutable std::size_t current = 0;  ///< block of the last access

  void Add(Chunk chunk);
  /// What a column takes in memory, without the bits of its nulls.
  std::uint64_t BytesOf(std::size_t column) const;
  const Block& BlockOf(std::size_t row) const {
    const Block& block = blocks[current];
    if (row - block.start < block.rows) return block;
    return Seek(row);
  }

 private:
  const Block& Seek(std::size_t row) const;
};

/// A chunk of `layout`'s columns.
Chunk MakeChunk(const std::vector<LogicalType>& types);
std::vector<LogicalType> MakeLogicalTypes(const schema::Columns& columns);

/// Writes the canonical literal of one value.
void AppendValueJson(std::string& out, const ColumnType& type, const VectorView& view,
                     std::size_t row);
/// Writes a value into a vector of the canonical layout from its literal.
Status WriteLiteral(const schema::Type& type, duckdb_vector vector, std::size_t row,
                    std::string_view literal);

/// Makes a row null (or not), and with it the rows of a struct's fields.
void WriteNull(const schema::Type& type, duckdb_vector vector, std::size_t row);
void WriteValid(const schema::Type& type, duckdb_vector vector, std::size_t row);

duckdb_hugeint PackUuid(const Uuid& uuid);

}  // namespace millrace::sql
