#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/decimal.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "schema/type.hpp"
#include "sql/batch.hpp"

namespace millrace::pipeline {

/// A field of a document, decoded. Texts are views into what was decoded.
struct Value {
  struct View {
    const char* data;
    std::size_t size;
  };
  enum class Tag : std::uint8_t {
    kNull,
    kInteger,  ///< boolean, integer, bigint, date, timestamp
    kDouble,
    kDecimal,  ///< unscaled
    kUuid,
    kText,     ///< text, json
    kLiteral,  ///< canonical literal: bytes, arrays, objects
  };
  Tag tag = Tag::kNull;
  union {
    std::int64_t integer = 0;
    double real;
    Int128 unscaled;
    Uuid uuid;
    View text;
  };

  std::string_view view() const { return {text.data, text.size}; }
  void SetView(Tag as, std::string_view bytes) {
    tag = as;
    text.data = bytes.data();
    text.size = bytes.size();
  }
  bool has_view() const { return tag == Tag::kText || tag == Tag::kLiteral; }
};

/// The value of a JSON string's text (without escapes) in a field of `type`, as a view
/// where the type is text. False: the type is not written as a string, or not so.
bool ParseText(std::string_view text, const schema::Type& type, Value& out);

/// Sets a column of the current row. kInvalidArgument: a literal does not fit the type.
Status SetColumn(sql::BatchBuilder& builder, std::size_t column, schema::Kind kind,
                 const Value& value);

/// Appends bytes that are equal exactly for equal values of one type; nothing may follow
/// without its own length. False for null, which equals nothing.
bool AppendKey(std::string& out, const Value& value);

}  // namespace millrace::pipeline
