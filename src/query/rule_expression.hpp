#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "query/condition.hpp"

/// What the parser of access rules makes and rule.cpp asks.
namespace millrace::query {

enum class AuthPart : std::uint8_t {
  kAuthenticated,
  kUserId,
  kRole,
  kTenant,
  kKeyId,
  kClaim
};

struct Operand {
  enum class Kind : std::uint8_t { kField, kText, kNumber, kBoolean, kAuth };
  Kind kind = Kind::kBoolean;
  std::size_t offset = 0;  ///< in the rule's text
  std::size_t column = 0;  ///< kField
  AuthPart part = AuthPart::kClaim;
  /// Content of a text, digits of a number, "true" or "false", name of a claim.
  std::string text;

  bool IsField() const { return kind == Kind::kField; }
};

struct RuleExpression {
  enum class Kind : std::uint8_t {
    kAll,   ///< parts; without any: true
    kAny,   ///< parts; without any: false
    kNot,   ///< one part
    kTest,  ///< `left op right`; where a field takes part, `left` is one
  };
  Kind kind = Kind::kTest;
  std::vector<RuleExpression> parts = {};

  Operand left = {};
  Op op = Op::kEq;                  ///< kEq to kLte, kIn, kIsNull
  std::vector<Operand> right = {};  ///< one; none for kIsNull; for kIn no fields
  schema::Type type = {};           ///< of `left`, where it is a field
};

}  // namespace millrace::query
