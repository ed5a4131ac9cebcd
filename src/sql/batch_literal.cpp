#include <simdjson.h>

#include <cstring>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "batch_impl.hpp"

namespace millrace::sql {
namespace {

using schema::Kind;
using schema::Type;
using Element = simdjson::dom::element;

Status WriteElement(const Type& type, duckdb_vector vector, std::size_t row,
                    const Element& element);

std::unexpected<Error> Misfit(const Type& type, std::string_view literal) {
  return Fail(
      ErrorCode::kInvalidArgument,
      std::string(literal.substr(0, 80)) + " does not fit the type " + type.ToString());
}

std::unexpected<Error> Misfit(const Type& type, const Element& element) {
  return Misfit(type, simdjson::minify(element));
}

template <typename T>
Status Put(duckdb_vector vector, std::size_t row, T value) {
  static_cast<T*>(duckdb_vector_get_data(vector))[row] = value;
  return {};
}

Status PutText(duckdb_vector vector, std::size_t row, std::string_view text) {
  duckdb_unsafe_vector_assign_string_element_len(vector, row, text.data(), text.size());
  return {};
}

Status PutDecimal(const Type& type, duckdb_vector vector, std::size_t row, Int128 value) {
  if (type.precision <= 4) return Put(vector, row, static_cast<std::int16_t>(value));
  if (type.precision <= 9) return Put(vector, row, static_cast<std::int32_t>(value));
  if (type.precision <= 18) return Put(vector, row, static_cast<std::int64_t>(value));
  return Put(vector, row,
             duckdb_hugeint{static_cast<std::uint64_t>(value),
                            static_cast<std::int64_t>(value >> 64)});
}

Status WriteNumber(const Type& type, duckdb_vector vector, std::size_t row,
                   const Element& element) {
  if (type.kind == Kind::kDouble) {
    double value = 0;
    if (element.get(value) != simdjson::SUCCESS) return Misfit(type, element);
    return Put(vector, row, value);
  }
  std::int64_t value = 0;
  if (element.get(value) != simdjson::SUCCESS) return Misfit(type, element);
  if (type.kind == Kind::kBigint) return Put(vector, row, value);
  const auto narrow = static_cast<std::int32_t>(value);
  if (narrow != value) return Misfit(type, element);
  return Put(vector, row, narrow);
}

/// Types whose literal is a JSON string.
Status WriteString(const Type& type, duckdb_vector vector, std::size_t row,
                   std::string_view text) {
  if (type.kind == Kind::kText) return PutText(vector, row, text);
  if (type.kind == Kind::kDecimal) {
    MR_TRY(const Int128 value, ParseDecimal(text, type.precision, type.scale));
    return PutDecimal(type, vector, row, value);
  }
  if (type.kind == Kind::kDate) {
    MR_TRY(const std::int32_t days, ParseDate(text));
    return Put(vector, row, days);
  }
  if (type.kind == Kind::kTimestamp) {
    MR_TRY(const TimestampUs at, ParseTimestamp(text));
    return Put(vector, row, at);
  }
  if (type.kind == Kind::kUuid) {
    MR_TRY(const Uuid uuid, ParseUuid(text));
    return Put(vector, row, PackUuid(uuid));
  }
  MR_TRY(const std::string bytes, DecodeBase64(text));
  return PutText(vector, row, bytes);
}

Status WriteArray(const Type& type, duckdb_vector vector, std::size_t row,
                  const Element& element) {
  simdjson::dom::array items;
  if (element.get(items) != simdjson::SUCCESS) return Misfit(type, element);
  const idx_t start = duckdb_list_vector_get_size(vector);
  const idx_t count = items.size();
  duckdb_list_vector_reserve(vector, start + count);
  duckdb_list_vector_set_size(vector, start + count);
  duckdb_vector child = duckdb_list_vector_get_child(vector);
  idx_t at = start;
  const Type& item_type = type.children.front().type;
  for (const Element item : items) {
    // An array that was refused may have left a null in this place.
    WriteValid(item_type, child, at);
    const auto written = WriteElement(item_type, child, at++, item);
    if (written) continue;
    // What was not written must not be copied.
    duckdb_list_vector_set_size(vector, start);
    return written;
  }
  return Put(vector, row, duckdb_list_entry{start, count});
}

Status WriteObject(const Type& type, duckdb_vector vector, std::size_t row,
                   const Element& element) {
  simdjson::dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return Misfit(type, element);
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    const auto& field = type.children[i];
    duckdb_vector child = duckdb_struct_vector_get_child(vector, i);
    Element value;
    if (object.at_key(field.name).get(value) != simdjson::SUCCESS) {
      WriteNull(field.type, child, row);
      continue;
    }
    MR_CHECK_OK(WriteElement(field.type, child, row, value));
  }
  return {};
}

Status WriteElement(const Type& type, duckdb_vector vector, std::size_t row,
                    const Element& element) {
  if (element.is_null()) {
    WriteNull(type, vector, row);
    return {};
  }
  switch (type.kind) {
    case Kind::kBoolean: {
      bool value = false;
      if (element.get(value) != simdjson::SUCCESS) return Misfit(type, element);
      return Put(vector, row, value);
    }
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDouble:
      return WriteNumber(type, vector, row, element);
    case Kind::kArray:
      return WriteArray(type, vector, row, element);
    case Kind::kObject:
      return WriteObject(type, vector, row, element);
    case Kind::kJson:
      return PutText(vector, row, simdjson::minify(element));
    case Kind::kText:
    case Kind::kDecimal:
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kUuid:
    case Kind::kBytes:
      break;
  }
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return Misfit(type, element);
  return WriteString(type, vector, row, text);
}

void ForEachField(const Type& type, duckdb_vector vector, std::size_t row,
                  void (*apply)(const Type&, duckdb_vector, std::size_t)) {
  if (type.kind != Kind::kObject) return;
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    apply(type.children[i].type, duckdb_struct_vector_get_child(vector, i), row);
  }
}

}  // namespace

duckdb_hugeint PackUuid(const Uuid& uuid) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    high = (high << 8) | uuid[i];
    low = (low << 8) | uuid[8 + i];
  }
  return {low, static_cast<std::int64_t>(high ^ (std::uint64_t{1} << 63))};
}

void WriteNull(const Type& type, duckdb_vector vector, std::size_t row) {
  duckdb_vector_ensure_validity_writable(vector);
  duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
  if (type.kind == Kind::kArray) static_cast<void>(Put(vector, row, duckdb_list_entry{}));
  ForEachField(type, vector, row, WriteNull);
}

void WriteValid(const Type& type, duckdb_vector vector, std::size_t row) {
  if (auto* validity = duckdb_vector_get_validity(vector)) {
    duckdb_validity_set_row_valid(validity, row);
  }
  ForEachField(type, vector, row, WriteValid);
}

Status WriteLiteral(const Type& type, duckdb_vector vector, std::size_t row,
                    std::string_view literal) {
  // A JSON value is stored as it stands: a parser would round its numbers.
  if (type.kind == Kind::kJson) return PutText(vector, row, literal);
  simdjson::dom::parser parser;
  Element element;
  if (parser.parse(literal.data(), literal.size()).get(element) != simdjson::SUCCESS) {
    return Misfit(type, literal);
  }
  // simdjson takes digits beyond 64 bits and decimals written as numbers for doubles.
  if (type.kind == Kind::kDecimal && element.is_number()) {
    return WriteString(type, vector, row, literal);
  }
  return WriteElement(type, vector, row, element);
}

}  // namespace millrace::sql
