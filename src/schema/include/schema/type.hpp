#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::schema {

enum class Kind : std::uint8_t {
  kText,       ///< "…"                       VARCHAR
  kBoolean,    ///< true                      BOOLEAN
  kInteger,    ///< 32 bit                    INTEGER
  kBigint,     ///< 64 bit                    BIGINT
  kDouble,     ///< IEEE 754                  DOUBLE
  kDecimal,    ///< "12.50", exact            DECIMAL(p,s)
  kDate,       ///< "2013-01-31"              DATE
  kTimestamp,  ///< "2013-01-31T10:00:00Z"    TIMESTAMPTZ, microseconds
  kUuid,       ///< lower-case text           UUID
  kJson,       ///< any JSON value, minified  JSON
  kBytes,      ///< base64                    BLOB
  kArray,      ///< […]                       T[]
  kObject,     ///< {…}                       STRUCT
};

struct TypedName;

/// A type of a field. Value type; arrays and objects own their children.
struct Type {
  Kind kind = Kind::kText;
  std::uint8_t precision = 0;       ///< kDecimal, 1..38
  std::uint8_t scale = 0;           ///< kDecimal
  std::vector<TypedName> children;  ///< kArray: one, unnamed; kObject: its fields

  /// "text", "decimal(10,2)", "bigint[]", "text[][]". Objects have no text form here
  /// (the project reader builds them). kInvalidArgument names what exists.
  static Result<Type> Parse(std::string_view text);
  static Type Simple(Kind kind);
  static Type Decimal(int precision, int scale);
  /// The form Parse reads; objects as "{a: text, b: bigint}".
  std::string ToString() const;
  /// DuckDB's name: "DECIMAL(10,2)", "STRUCT(\"a\" VARCHAR)".
  std::string ToSql() const;
  bool scalar() const { return kind != Kind::kArray && kind != Kind::kObject; }
  friend bool operator==(const Type& a, const Type& b);
};

/// A column of a table, a batch or an object.
struct TypedName {
  std::string name;
  Type type;
  friend bool operator==(const TypedName&, const TypedName&) = default;
};
using Columns = std::vector<TypedName>;

/// Whether every value of `from` is a value of `to` that is written the same way (equal
/// types included): integer to bigint, a decimal with more digits before the point, and
/// arrays of those. So stored records, events and sums stay what they are. Not for
/// objects.
bool Widens(const Type& from, const Type& to);

// Here, since a Type can be made only where TypedName is complete.
inline Type Type::Simple(Kind kind) { return Type{kind, 0, 0, {}}; }

}  // namespace millrace::schema
