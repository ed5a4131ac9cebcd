#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "literal.hpp"
#include "schema/collection.hpp"
#include "schema/record_codec.hpp"

namespace millrace::schema {

/// The rules of one field, ready to compare. Immutable.
class Rules {
 public:
  explicit Rules(const Field& field);

  /// What a value breaks, as "must be at least 5"; empty if nothing. Not for null.
  std::string Broken(std::string_view literal, const Scalar& scalar) const;

 private:
  struct Bound {
    std::string text;  ///< what scalar.text of the bound points into
    Scalar scalar;
    std::string shown;
  };
  static std::optional<Bound> Compile(const Type& type,
                                      const std::optional<std::string>& literal);
  int Compare(const Scalar& a, const Bound& b) const;
  std::string BrokenLength(std::string_view literal, const Scalar& scalar) const;

  Kind kind_;
  std::optional<Bound> min_, max_;
  std::vector<std::string> in_;  ///< sorted
  std::string in_shown_;
  std::optional<std::uint32_t> min_length_, max_length_;
};

}  // namespace millrace::schema
