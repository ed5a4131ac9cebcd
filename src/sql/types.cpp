#include "types.hpp"

#include <algorithm>
#include <string_view>

namespace millrace::sql {
namespace {

using schema::Kind;
using schema::Type;

Physical DecimalPhysical(int precision) {
  if (precision <= 4) return Physical::kInt16;
  if (precision <= 9) return Physical::kInt32;
  if (precision <= 18) return Physical::kInt64;
  return Physical::kInt128;
}

Physical PhysicalOf(const Type& type) {
  switch (type.kind) {
    case Kind::kText:
    case Kind::kJson:
    case Kind::kBytes:
      return Physical::kString;
    case Kind::kBoolean:
      return Physical::kBool;
    case Kind::kInteger:
    case Kind::kDate:
      return Physical::kInt32;
    case Kind::kBigint:
    case Kind::kTimestamp:
      return Physical::kInt64;
    case Kind::kDouble:
      return Physical::kDouble;
    case Kind::kDecimal:
      return DecimalPhysical(type.precision);
    case Kind::kUuid:
      return Physical::kUuid;
    case Kind::kArray:
      return Physical::kList;
    case Kind::kObject:
      return Physical::kStruct;
  }
  return Physical::kUnreadable;
}

duckdb_type SimpleId(Kind kind) {
  switch (kind) {
    case Kind::kBoolean:
      return DUCKDB_TYPE_BOOLEAN;
    case Kind::kInteger:
      return DUCKDB_TYPE_INTEGER;
    case Kind::kBigint:
      return DUCKDB_TYPE_BIGINT;
    case Kind::kDouble:
      return DUCKDB_TYPE_DOUBLE;
    case Kind::kDate:
      return DUCKDB_TYPE_DATE;
    case Kind::kTimestamp:
      return DUCKDB_TYPE_TIMESTAMP_TZ;
    case Kind::kUuid:
      return DUCKDB_TYPE_UUID;
    case Kind::kBytes:
      return DUCKDB_TYPE_BLOB;
    case Kind::kText:
    case Kind::kJson:
    case Kind::kDecimal:
    case Kind::kArray:
    case Kind::kObject:
      break;
  }
  return DUCKDB_TYPE_VARCHAR;
}

LogicalType MakeStructType(const Type& type) {
  std::vector<LogicalType> owned;
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  for (const auto& child : type.children) {
    owned.push_back(MakeLogicalType(child.type));
    types.push_back(owned.back().get());
    names.push_back(child.name.c_str());
  }
  return LogicalType(duckdb_create_struct_type(types.data(), names.data(), types.size()));
}

ColumnType Simple(Kind kind, Physical physical) {
  return {Type::Simple(kind), physical, {}};
}

ColumnType ListType(duckdb_logical_type type) {
  const LogicalType child(duckdb_list_type_child_type(type));
  ColumnType out = Simple(Kind::kArray, Physical::kList);
  out.children.push_back(ToColumnType(child.get()));
  out.type.children.push_back({"", out.children.front().type});
  return out;
}

ColumnType StructType(duckdb_logical_type type) {
  ColumnType out = Simple(Kind::kObject, Physical::kStruct);
  const idx_t count = duckdb_struct_type_child_count(type);
  for (idx_t i = 0; i < count; ++i) {
    const LogicalType child(duckdb_struct_type_child_type(type, i));
    char* name = duckdb_struct_type_child_name(type, i);
    out.children.push_back(ToColumnType(child.get()));
    out.type.children.push_back({name, out.children.back().type});
    duckdb_free(name);
  }
  return out;
}

bool IsJson(duckdb_logical_type type) {
  char* alias = duckdb_logical_type_get_alias(type);
  const bool json = alias != nullptr && std::string_view(alias) == "JSON";
  duckdb_free(alias);
  return json;
}

}  // namespace

bool ColumnType::readable() const {
  return physical != Physical::kUnreadable &&
         std::ranges::all_of(children, &ColumnType::readable);
}

bool ColumnType::canonical() const {
  return physical == PhysicalOf(type) &&
         std::ranges::all_of(children, &ColumnType::canonical);
}

bool ColumnType::same_layout(const ColumnType& other) const {
  return physical == other.physical &&
         std::ranges::equal(children, other.children, [](const auto& a, const auto& b) {
           return a.same_layout(b);
         });
}

std::shared_ptr<const Layout> Layout::Of(schema::Columns columns) {
  auto layout = std::make_shared<Layout>();
  for (const auto& column : columns) {
    layout->types.push_back(CanonicalColumnType(column.type));
  }
  layout->columns = std::move(columns);
  return layout;
}

LogicalType MakeLogicalType(const Type& type) {
  switch (type.kind) {
    case Kind::kDecimal:
      return LogicalType(duckdb_create_decimal_type(type.precision, type.scale));
    case Kind::kArray:
      return LogicalType(
          duckdb_create_list_type(MakeLogicalType(type.children.front().type).get()));
    case Kind::kObject:
      return MakeStructType(type);
    case Kind::kJson: {
      LogicalType json(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
      duckdb_logical_type_set_alias(json.get(), "JSON");
      return json;
    }
    case Kind::kText:
    case Kind::kBoolean:
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDouble:
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kUuid:
    case Kind::kBytes:
      break;
  }
  return LogicalType(duckdb_create_logical_type(SimpleId(type.kind)));
}

// The engine's list of types is open (its versions add some): this switch has a default.
ColumnType ToColumnType(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
      return Simple(Kind::kBoolean, Physical::kBool);
    case DUCKDB_TYPE_TINYINT:
      return Simple(Kind::kInteger, Physical::kInt8);
    case DUCKDB_TYPE_SMALLINT:
      return Simple(Kind::kInteger, Physical::kInt16);
    case DUCKDB_TYPE_SQLNULL:
    case DUCKDB_TYPE_INTEGER:
      return Simple(Kind::kInteger, Physical::kInt32);
    case DUCKDB_TYPE_BIGINT:
      return Simple(Kind::kBigint, Physical::kInt64);
    case DUCKDB_TYPE_UTINYINT:
      return Simple(Kind::kInteger, Physical::kUint8);
    case DUCKDB_TYPE_USMALLINT:
      return Simple(Kind::kInteger, Physical::kUint16);
    case DUCKDB_TYPE_UINTEGER:
      return Simple(Kind::kBigint, Physical::kUint32);
    case DUCKDB_TYPE_UBIGINT:
      return {Type::Decimal(20, 0), Physical::kUint64, {}};
    case DUCKDB_TYPE_HUGEINT:
      return {Type::Decimal(38, 0), Physical::kInt128, {}};
    case DUCKDB_TYPE_FLOAT:
      return Simple(Kind::kDouble, Physical::kFloat);
    case DUCKDB_TYPE_DOUBLE:
      return Simple(Kind::kDouble, Physical::kDouble);
    case DUCKDB_TYPE_DECIMAL:
      return CanonicalColumnType(
          Type::Decimal(duckdb_decimal_width(type), duckdb_decimal_scale(type)));
    case DUCKDB_TYPE_DATE:
      return Simple(Kind::kDate, Physical::kInt32);
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return Simple(Kind::kTimestamp, Physical::kInt64);
    case DUCKDB_TYPE_UUID:
      return Simple(Kind::kUuid, Physical::kUuid);
    case DUCKDB_TYPE_BLOB:
      return Simple(Kind::kBytes, Physical::kString);
    case DUCKDB_TYPE_VARCHAR:
      return Simple(IsJson(type) ? Kind::kJson : Kind::kText, Physical::kString);
    case DUCKDB_TYPE_LIST:
      return ListType(type);
    case DUCKDB_TYPE_STRUCT:
      return StructType(type);
    default:
      return Simple(Kind::kText, Physical::kUnreadable);
  }
}

ColumnType CanonicalColumnType(const Type& type) {
  ColumnType out{type, PhysicalOf(type), {}};
  for (const auto& child : type.children) {
    out.children.push_back(CanonicalColumnType(child.type));
  }
  return out;
}

std::size_t WidthOf(Physical physical) {
  switch (physical) {
    case Physical::kBool:
    case Physical::kInt8:
    case Physical::kUint8:
      return 1;
    case Physical::kInt16:
    case Physical::kUint16:
      return 2;
    case Physical::kInt32:
    case Physical::kUint32:
    case Physical::kFloat:
      return 4;
    case Physical::kInt64:
    case Physical::kUint64:
    case Physical::kDouble:
      return 8;
    case Physical::kInt128:
    case Physical::kUuid:
    case Physical::kString:
    case Physical::kList:
      return 16;
    case Physical::kStruct:
    case Physical::kUnreadable:
      break;
  }
  return 0;
}

std::int64_t ReadInt64(Physical physical, const void* data, std::size_t row) {
  switch (physical) {
    case Physical::kBool:
      return static_cast<const std::uint8_t*>(data)[row] != 0;
    case Physical::kInt8:
      return static_cast<const std::int8_t*>(data)[row];
    case Physical::kInt16:
      return static_cast<const std::int16_t*>(data)[row];
    case Physical::kInt32:
      return static_cast<const std::int32_t*>(data)[row];
    case Physical::kInt64:
      return static_cast<const std::int64_t*>(data)[row];
    case Physical::kUint8:
      return static_cast<const std::uint8_t*>(data)[row];
    case Physical::kUint16:
      return static_cast<const std::uint16_t*>(data)[row];
    case Physical::kUint32:
      return static_cast<const std::uint32_t*>(data)[row];
    case Physical::kUint64:
      return static_cast<std::int64_t>(static_cast<const std::uint64_t*>(data)[row]);
    case Physical::kInt128:
      return static_cast<std::int64_t>(ReadInt128(physical, data, row));
    case Physical::kUuid:
    case Physical::kFloat:
    case Physical::kDouble:
    case Physical::kString:
    case Physical::kList:
    case Physical::kStruct:
    case Physical::kUnreadable:
      break;
  }
  return 0;
}

Int128 ReadInt128(Physical physical, const void* data, std::size_t row) {
  if (physical == Physical::kUint64) return static_cast<const std::uint64_t*>(data)[row];
  if (physical != Physical::kInt128) return ReadInt64(physical, data, row);
  const auto& value = static_cast<const duckdb_hugeint*>(data)[row];
  return (Int128{value.upper} << 64) | static_cast<Int128>(value.lower);
}

}  // namespace millrace::sql
