#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/type.hpp"

namespace millrace::query {

enum class Op : std::uint8_t {
  kEq,
  kNeq,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kIsNull,
  kLike,   ///< `*` stands for any text, everything else for itself
  kILike,  ///< the same, upper and lower case alike (of ASCII at least)
};

/// One condition on one column. As in SQL, a null fulfils none but kIsNull, negated or
/// not.
struct Filter {
  std::size_t column;  ///< index in the Columns given to Parse
  Op op;
  bool negated;
  /// Canonical literals: one; none for kIsNull; any number for kIn. For kLike and kILike
  /// the pattern as JSON text.
  std::vector<std::string> literals;
  friend bool operator==(const Filter&, const Filter&) = default;
};

/// Filters under `and` and `or`. There is no `not` above a filter, so a part that is null
/// counts as one that is false: both let no record through. Value type; the default holds
/// for every record.
struct Condition {
  enum class Kind : std::uint8_t {
    kAll,     ///< every part holds; without parts: always
    kAny,     ///< a part holds; without parts: never
    kFilter,  ///< `filter` holds
    /// `filter.column` compares (kEq to kLte) with the column `other`, whose values have
    /// the same form; `filter` has no literals. A null on either side fulfils it not.
    kColumns,
  };
  Kind kind = Kind::kAll;
  std::vector<Condition> parts;
  Filter filter{0, Op::kEq, false, {}};
  std::size_t other = 0;

  static Condition Always() { return {}; }
  static Condition Never() { return {Kind::kAny, {}}; }
  static Condition Of(Filter filter);
  /// Each in its shortest form: parts that decide nothing are left out, parts of parts of
  /// the same kind stand beside them, one part stands alone.
  static Condition All(std::vector<Condition> parts);
  static Condition Any(std::vector<Condition> parts);

  bool always() const { return kind == Kind::kAll && parts.empty(); }
  bool never() const { return kind == Kind::kAny && parts.empty(); }
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// In the words of access rules (rule.hpp), which read it back: "amount < 100.00 and
/// (status = 'open' or note is null)"; "true" and "false".
std::string ToText(const Condition& condition, const schema::Columns& columns);

}  // namespace millrace::query
