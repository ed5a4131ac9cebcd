#pragma once

#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/decimal.hpp"
#include "base/result.hpp"
#include "schema/type.hpp"

namespace millrace::sql {

/// How the engine lays out one value.
enum class Physical : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt128,
  kUuid,  ///< 128 bit with the top bit flipped, so that it orders like its text
  kFloat,
  kDouble,
  kString,
  kList,
  kStruct,
  kUnreadable,  ///< must be cast in SQL before it can be read
};

/// A column as we name it and as the engine holds it.
struct ColumnType {
  schema::Type type;
  Physical physical = Physical::kUnreadable;
  std::vector<ColumnType> children;

  /// Every part can be read by the batch accessors.
  bool readable() const;
  /// Laid out as tables and relations of `type` are.
  bool canonical() const;
  bool same_layout(const ColumnType& other) const;
};

/// Names and types of a batch; shared by the batches of one statement or builder.
struct Layout {
  schema::Columns columns;
  std::vector<ColumnType> types;

  static std::shared_ptr<const Layout> Of(schema::Columns columns);
};

struct LogicalTypeCloser {
  void operator()(_duckdb_logical_type* type) const {
    duckdb_destroy_logical_type(&type);
  }
};
using LogicalType = std::unique_ptr<_duckdb_logical_type, LogicalTypeCloser>;

/// The engine's type for one of ours.
LogicalType MakeLogicalType(const schema::Type& type);
/// Ours for one of the engine's: smaller and unsigned integers widen, HUGEINT becomes
/// decimal(38,0), FLOAT double, TIMESTAMP timestamp; what we have no name for becomes
/// unreadable text.
ColumnType ToColumnType(duckdb_logical_type type);
ColumnType CanonicalColumnType(const schema::Type& type);

/// Bytes of one value in a vector.
std::size_t WidthOf(Physical physical);
/// An integer-like value of up to 64 bits (kUint64 must fit).
std::int64_t ReadInt64(Physical physical, const void* data, std::size_t row);
Int128 ReadInt128(Physical physical, const void* data, std::size_t row);

}  // namespace millrace::sql
