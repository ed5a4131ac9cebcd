#include "query/rule.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "base/json.hpp"
#include "rule_expression.hpp"
#include "rule_parser.hpp"
#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

using Expression = RuleExpression;
using schema::Kind;

/// What an operand that is no field stands for. The default is null.
struct Value {
  enum class Kind : std::uint8_t { kNull, kBoolean, kNumber, kText } kind = Kind::kNull;
  std::string text;
};

Value OfText(const std::string& text) {
  return text.empty() ? Value{} : Value{Value::Kind::kText, text};
}

Value OfFlag(bool flag) { return {Value::Kind::kBoolean, flag ? "true" : "false"}; }

struct ClaimValue {
  Value operator()(std::nullptr_t) const { return {}; }
  Value operator()(bool flag) const { return OfFlag(flag); }
  Value operator()(std::int64_t number) const {
    return {Value::Kind::kNumber, std::to_string(number)};
  }
  Value operator()(double number) const {
    Value value{Value::Kind::kNumber, {}};
    AppendDouble(value.text, number);
    return value;
  }
  Value operator()(const std::string& text) const { return {Value::Kind::kText, text}; }
};

Value OfAuth(const Operand& operand, const Principal& who) {
  switch (operand.part) {
    case AuthPart::kAuthenticated:
      return OfFlag(who.authenticated);
    case AuthPart::kUserId:
      return OfText(who.user_id);
    case AuthPart::kRole:
      return OfText(who.role);
    case AuthPart::kTenant:
      return OfText(who.tenant);
    case AuthPart::kKeyId:
      return OfText(who.key_id);
    case AuthPart::kClaim:
      break;
  }
  const auto claim = who.claims.find(operand.text);
  return claim == who.claims.end() ? Value{} : std::visit(ClaimValue{}, claim->second);
}

Value ValueOf(const Operand& operand, const Principal& who) {
  switch (operand.kind) {
    case Operand::Kind::kText:
      return {Value::Kind::kText, operand.text};
    case Operand::Kind::kNumber:
      return {Value::Kind::kNumber, operand.text};
    case Operand::Kind::kBoolean:
      return {Value::Kind::kBoolean, operand.text};
    case Operand::Kind::kAuth:
    case Operand::Kind::kField:
      break;
  }
  return OfAuth(operand, who);
}

bool IsNumber(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kBigint || kind == Kind::kDouble ||
         kind == Kind::kDecimal;
}

/// The value as the field holds it; nullopt (null) where it cannot.
std::optional<std::string> LiteralFor(const schema::Type& type, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return std::nullopt;
    case Value::Kind::kBoolean:
      if (type.kind != Kind::kBoolean) return std::nullopt;
      break;
    case Value::Kind::kNumber:
      if (!IsNumber(type.kind)) return std::nullopt;
      break;
    case Value::Kind::kText:
      if (type.kind == Kind::kBoolean) return std::nullopt;
      break;
  }
  auto literal = schema::RecordCodec::LiteralFromText(type, value.text);
  if (!literal) return std::nullopt;
  return *std::move(literal);
}

template <typename T>
std::optional<T> ReadNumber(const std::string& text) {
  T out{};
  const auto* const end = text.data() + text.size();
  const auto [last, code] = std::from_chars(text.data(), end, out);
  if (code != std::errc() || last != end) return std::nullopt;
  return out;
}

template <typename T>
bool Holds(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kNeq:
      return a != b;
    case Op::kGt:
      return a > b;
    case Op::kGte:
      return a >= b;
    case Op::kLt:
      return a < b;
    case Op::kLte:
      return a <= b;
    default:
      return a == b;
  }
}

/// Nullopt: null, as for values of two kinds.
std::optional<bool> Compare(const Value& a, Op op, const Value& b) {
  if (a.kind == Value::Kind::kNull || a.kind != b.kind) return std::nullopt;
  const bool same = op == Op::kEq || op == Op::kNeq;
  if (a.kind == Value::Kind::kBoolean && !same) return std::nullopt;
  if (a.kind != Value::Kind::kNumber) return Holds(op, a.text, b.text);
  const auto whole =
      std::pair(ReadNumber<std::int64_t>(a.text), ReadNumber<std::int64_t>(b.text));
  if (whole.first && whole.second) return Holds(op, *whole.first, *whole.second);
  const auto left = ReadNumber<double>(a.text);
  const auto right = ReadNumber<double>(b.text);
  if (!left || !right) return std::nullopt;
  return Holds(op, *left, *right);
}

Op Opposite(Op op) {
  switch (op) {
    case Op::kEq:
      return Op::kNeq;
    case Op::kNeq:
      return Op::kEq;
    case Op::kGt:
      return Op::kLte;
    case Op::kGte:
      return Op::kLt;
    case Op::kLt:
      return Op::kGte;
    case Op::kLte:
      return Op::kGt;
    default:
      return op;
  }
}

/// Works out who asks. `not` is carried down to the tests, where null stays null: nothing
/// above a test can make a record pass by it, so there it counts as false.
class Binder {
 public:
  explicit Binder(const Principal& who) : who_(who) {}

  Condition Bind(const Expression& expression, bool negated) const {
    switch (expression.kind) {
      case Expression::Kind::kNot:
        return Bind(expression.parts.front(), !negated);
      case Expression::Kind::kTest:
        return expression.left.IsField() ? BindField(expression, negated)
                                         : BindConstant(expression, negated);
      case Expression::Kind::kAll:
      case Expression::Kind::kAny:
        break;
    }
    std::vector<Condition> parts;
    for (const auto& part : expression.parts) parts.push_back(Bind(part, negated));
    const bool all = (expression.kind == Expression::Kind::kAll) != negated;
    return all ? Condition::All(std::move(parts)) : Condition::Any(std::move(parts));
  }

 private:
  Condition BindConstant(const Expression& test, bool negated) const {
    const auto left = ValueOf(test.left, who_);
    const auto holds = test.op == Op::kIsNull
                           ? std::optional(left.kind == Value::Kind::kNull)
                           : Compare(left, test.op, ValueOf(test.right.front(), who_));
    return holds && *holds != negated ? Condition::Always() : Condition::Never();
  }

  Condition BindField(const Expression& test, bool negated) const {
    Filter filter{test.left.column, test.op, negated, {}};
    if (test.op == Op::kIsNull) return Condition::Of(std::move(filter));
    if (test.op == Op::kIn) return BindIn(test, std::move(filter));
    if (negated) filter.op = Opposite(test.op);
    filter.negated = false;
    const auto& right = test.right.front();
    if (right.IsField()) {
      auto columns = Condition::Of(std::move(filter));
      columns.kind = Condition::Kind::kColumns;
      columns.other = right.column;
      return columns;
    }
    auto literal = LiteralFor(test.type, ValueOf(right, who_));
    if (!literal) return Condition::Never();
    filter.literals.push_back(*std::move(literal));
    return Condition::Of(std::move(filter));
  }

  /// A null in the list: `in` finds the others, `not in` holds for nothing.
  Condition BindIn(const Expression& test, Filter filter) const {
    for (const auto& item : test.right) {
      auto literal = LiteralFor(test.type, ValueOf(item, who_));
      if (literal) {
        filter.literals.push_back(*std::move(literal));
      } else if (filter.negated) {
        return Condition::Never();
      }
    }
    if (filter.literals.empty()) return Condition::Never();
    std::ranges::sort(filter.literals);
    const auto twice = std::ranges::unique(filter.literals);
    filter.literals.erase(twice.begin(), twice.end());
    return Condition::Of(std::move(filter));
  }

  const Principal& who_;
};

/// Calls `visit` for every test.
void EachTest(const Expression& expression,
              const std::function<void(const Expression&)>& visit) {
  if (expression.kind == Expression::Kind::kTest) visit(expression);
  for (const auto& part : expression.parts) EachTest(part, visit);
}

bool IsAuth(const Operand& operand) { return operand.kind == Operand::Kind::kAuth; }

bool IsRole(const Operand& operand) {
  return IsAuth(operand) && operand.part == AuthPart::kRole;
}

using Truth = std::optional<bool>;

/// A test that anything else than being signed in and `role` takes part in is open.
Truth DecideTest(const Expression& test, const std::optional<std::string>& role) {
  const auto known = [&](const Operand& operand) {
    if (!IsAuth(operand)) return !operand.IsField();
    return operand.part == AuthPart::kAuthenticated || (IsRole(operand) && role);
  };
  if (!known(test.left) || !std::ranges::all_of(test.right, known)) return std::nullopt;
  const Principal who{.authenticated = true, .role = role.value_or("")};
  return Binder(who).Bind(test, false).always();
}

Truth Decide(const Expression& expression, const std::optional<std::string>& role) {
  if (expression.kind == Expression::Kind::kTest) return DecideTest(expression, role);
  if (expression.kind == Expression::Kind::kNot) {
    const auto inner = Decide(expression.parts.front(), role);
    return inner ? Truth(!*inner) : inner;
  }
  const bool all = expression.kind == Expression::Kind::kAll;
  bool open = false;
  for (const auto& part : expression.parts) {
    const auto truth = Decide(part, role);
    if (truth && *truth != all) return truth;
    open = open || !truth;
  }
  return open ? Truth() : Truth(all);
}

}  // namespace

std::expected<Rule, std::vector<RuleProblem>> Rule::Parse(
    std::string_view text, const schema::Columns& columns) {
  auto root = ParseRule(text, columns);
  if (!root) return std::unexpected(std::move(root).error());
  return Rule(std::string(text), std::make_shared<const Expression>(*std::move(root)));
}

bool Rule::AsksWho() const {
  bool asks = false;
  EachTest(*root_, [&](const Expression& test) {
    asks = asks || IsAuth(test.left) || std::ranges::any_of(test.right, IsAuth);
  });
  return asks;
}

std::vector<std::string> Rule::Roles() const {
  std::vector<std::string> roles;
  const auto add = [&](const Operand& operand) {
    if (operand.kind != Operand::Kind::kText || operand.text.empty()) return;
    if (std::ranges::find(roles, operand.text) == roles.end())
      roles.push_back(operand.text);
  };
  EachTest(*root_, [&](const Expression& test) {
    if (test.right.empty()) return;
    if (IsRole(test.left)) add(test.right.front());
    if (IsRole(test.right.front())) add(test.left);
  });
  return roles;
}

std::optional<bool> Rule::Decided(const std::optional<std::string>& role) const {
  return Decide(*root_, role);
}

Condition Rule::For(const Principal& principal) const {
  return Binder(principal).Bind(*root_, false);
}

}  // namespace millrace::query
