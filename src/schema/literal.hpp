#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/decimal.hpp"
#include "base/result.hpp"
#include "schema/type.hpp"

/// Reading canonical literals: JSON that this room wrote itself, so nothing is checked.
namespace millrace::schema {

/// A scalar in the form that rules compare. Which part counts is the type's matter.
struct Scalar {
  Int128 whole = 0;       ///< boolean, integers, decimal (unscaled), date, timestamp
  double real = 0;        ///< double
  std::string_view text;  ///< text and uuid, without quotes and escapes
  std::uint64_t byte_count = 0;  ///< bytes
};

/// The content of a JSON string literal. Literals without escapes are given back as they
/// stand; others are decoded into `buffer`.
std::string_view Unquote(std::string_view literal, std::string& buffer);

/// `buffer` holds what `text` points into, where the literal has escapes.
Result<Scalar> ReadScalar(const Type& type, std::string_view literal,
                          std::string& buffer);

/// Walks the members of a canonical object in order.
class Members {
 public:
  explicit Members(std::string_view object) : rest_(object) {}
  /// False at the end.
  bool Next();
  /// Between the quotes, escapes as they stand: canonical, so equal names look equal.
  std::string_view raw_name() const { return raw_name_; }
  std::string_view value() const { return value_; }

 private:
  std::string_view rest_;
  std::string_view raw_name_;
  std::string_view value_;
};

}  // namespace millrace::schema
