#include "rule_parser.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.hpp"
#include "rule_lexer.hpp"
#include "rule_types.hpp"

namespace millrace::query {
namespace {

using Expression = RuleExpression;

constexpr std::size_t kMaxListed = 200;
constexpr AuthPart kAuthParts[] = {AuthPart::kAuthenticated, AuthPart::kUserId,
                                   AuthPart::kRole,          AuthPart::kTenant,
                                   AuthPart::kKeyId,         AuthPart::kClaim};
constexpr std::string_view kReserved[] = {"and", "or", "not", "in", "is", "null"};
constexpr std::pair<std::string_view, Op> kSigns[] = {
    {"=", Op::kEq},   {"<>", Op::kNeq}, {"!=", Op::kNeq}, {"<", Op::kLt},
    {"<=", Op::kLte}, {">", Op::kGt},   {">=", Op::kGte}};

/// `a op b` with its sides changed.
Op Mirrored(Op op) {
  switch (op) {
    case Op::kGt:
      return Op::kLt;
    case Op::kGte:
      return Op::kLte;
    case Op::kLt:
      return Op::kGt;
    case Op::kLte:
      return Op::kGte;
    default:
      return op;
  }
}

/// Recursive descent, a token ahead. A mistake of grammar ends the reading (`failed_`);
/// what is wrong with names and types is kept, and reading goes on.
///
///   or:      and { "or" and }            and:     not { "and" not }
///   not:     "not" not | "(" or ")" | test
///   test:    operand [ sign operand | ["not"] "in" list | "is" ["not"] "null" ]
///   list:    "(" operand { "," operand } ")"
///   operand: field | number | text | "true" | "false" | "auth" "." part
class Parser {
 public:
  Parser(std::string_view text, const schema::Columns& columns)
      : text_(text), columns_(columns) {}

  std::expected<Expression, std::vector<RuleProblem>> Parse() {
    if (text_.size() > kMaxRuleBytes) {
      Fail(kMaxRuleBytes, "a rule has at most " + std::to_string(kMaxRuleBytes) +
                              " bytes, this one " + std::to_string(text_.size()));
      return std::unexpected(std::move(problems_));
    }
    Take();
    auto root = Or();
    if (!failed_ && token_.kind != Token::Kind::kEnd) Expected("and, or or the end");
    if (problems_.empty()) return root;
    return std::unexpected(std::move(problems_));
  }

 private:
  // Tokens and problems.

  void Take() {
    auto next = NextToken(text_, token_.offset + token_.raw.size());
    if (next) {
      token_ = *next;
    } else {
      if (!failed_) problems_.push_back(std::move(next.error()));
      failed_ = true;
    }
  }

  void Fail(std::size_t offset, std::string message) {
    if (!failed_) Refuse(offset, std::move(message));
    failed_ = true;
  }
  void Refuse(std::size_t offset, std::string message) {
    problems_.push_back({offset, std::move(message)});
  }
  void Expected(std::string_view what) {
    const bool is_text = token_.kind == Token::Kind::kText;
    const auto got = Excerpt(is_text ? ContentOf(token_) : token_.raw);
    Fail(token_.offset, "expected " + std::string(what) + ", got " +
                            (token_.raw.empty() ? "the end" : got));
  }

  bool At(std::string_view word) const {
    return !failed_ && token_.kind == Token::Kind::kWord && IsWord(token_.raw, word);
  }
  bool AtSign(std::string_view sign) const {
    return !failed_ && token_.kind == Token::Kind::kSign && token_.raw == sign;
  }
  bool Accept(std::string_view word) {
    if (!At(word)) return false;
    Take();
    return true;
  }
  bool AcceptSign(std::string_view sign) {
    if (!AtSign(sign)) return false;
    Take();
    return true;
  }

  // Grammar.

  Expression Or() {
    return Chain("or", Expression::Kind::kAny, [this] {
      return Chain("and", Expression::Kind::kAll, [this] { return Not(); });
    });
  }

  template <typename Part>
  Expression Chain(std::string_view word, Expression::Kind kind, Part part) {
    auto first = part();
    if (!At(word)) return first;
    Expression all{kind};
    all.parts.push_back(std::move(first));
    while (Accept(word)) all.parts.push_back(part());
    return all;
  }

  Expression Not() {
    if (!At("not") && !AtSign("(")) return Test();
    if (++depth_ > kMaxRuleDepth) {
      Fail(token_.offset, "a rule is at most " + std::to_string(kMaxRuleDepth) +
                              " parentheses and nots deep");
      return {};
    }
    Expression out;
    if (Accept("not")) {
      out = Negated(Not());
    } else {
      Take();
      out = Or();
      if (!failed_ && !AcceptSign(")")) Expected("and, or or )");
    }
    --depth_;
    return out;
  }

  static Expression Negated(Expression part) {
    Expression out{Expression::Kind::kNot};
    out.parts.push_back(std::move(part));
    return out;
  }

  Expression Test() {
    auto left = ReadOperand("a field, auth, a value, not or (");
    if (!left) return {};
    if (At("is")) return IsNull(std::move(*left));
    const bool negated = At("not");
    if (negated) {
      Take();
      if (!At("in")) Expected("in");
    }
    if (Accept("in")) {
      auto list = In(std::move(*left));
      return negated ? Negated(std::move(list)) : std::move(list);
    }
    for (const auto& [sign, op] : kSigns) {
      const auto at = token_.offset;
      if (AcceptSign(sign)) return Comparison(std::move(*left), op, at);
    }
    return Alone(std::move(*left));
  }

  Expression IsNull(Operand left) {
    Take();
    const bool negated = Accept("not");
    if (!failed_ && !Accept("null")) Expected(negated ? "null" : "null or not null");
    auto test = MakeTest(std::move(left), Op::kIsNull, {});
    return negated ? Negated(std::move(test)) : test;
  }

  Expression Comparison(Operand left, Op op, std::size_t sign_at) {
    if (At("null")) {
      Fail(sign_at, op == Op::kNeq ? "nothing differs from null: write is not null"
                                   : "nothing compares with null: write is null");
      return {};
    }
    auto right = ReadOperand("a field, auth or a value");
    if (!right) return {};
    return Checked(std::move(left), op, std::move(*right));
  }

  Expression In(Operand left) {
    if (!AcceptSign("(")) {
      Expected("a list, such as ('a', 'b')");
      return {};
    }
    std::vector<Operand> list;
    do {
      auto item = ReadOperand("a value");
      if (!item) return {};
      list.push_back(std::move(*item));
      if (list.size() > kMaxListed) {
        Fail(list.back().offset, "a list has at most 200 values");
        return {};
      }
    } while (AcceptSign(","));
    if (!failed_ && !AcceptSign(")")) Expected(", or )");
    return Listed(std::move(left), std::move(list));
  }

  /// One test where constants are looked for in a field, else an `or` of equalities.
  Expression Listed(Operand left, std::vector<Operand> list) {
    const bool constants = std::ranges::none_of(list, &Operand::IsField);
    if (!left.IsField() || !constants) {
      Expression any{Expression::Kind::kAny};
      for (auto& item : list)
        any.parts.push_back(Checked(left, Op::kEq, std::move(item)));
      return any;
    }
    for (const auto& item : list) Check(left, Op::kIn, item);
    return MakeTest(std::move(left), Op::kIn, std::move(list));
  }

  /// `gift`, `auth.authenticated`, `true`.
  Expression Alone(Operand operand) {
    if (failed_) return {};
    if (operand.kind == Operand::Kind::kBoolean) {
      const bool holds = operand.text == "true";
      return {holds ? Expression::Kind::kAll : Expression::Kind::kAny};
    }
    Operand yes;
    yes.text = "true";
    if (!WrongComparison(operand, Op::kEq, yes, columns_).empty()) {
      Fail(operand.offset, Described(operand, columns_) +
                               " is no condition: a comparison must follow, as in = 'a', "
                               "in ('a', 'b') or is null");
      return {};
    }
    return MakeTest(std::move(operand), Op::kEq, {std::move(yes)});
  }

  Expression Checked(Operand left, Op op, Operand right) {
    if (!left.IsField() && right.IsField()) {
      std::swap(left, right);
      op = Mirrored(op);
    }
    Check(left, op, right);
    return MakeTest(std::move(left), op, {std::move(right)});
  }

  void Check(const Operand& left, Op op, const Operand& right) {
    if (unknown_.contains(left.offset) || unknown_.contains(right.offset)) return;
    auto wrong = WrongComparison(left, op, right, columns_);
    if (!wrong.empty()) Refuse(std::max(left.offset, right.offset), std::move(wrong));
  }

  Expression MakeTest(Operand left, Op op, std::vector<Operand> right) const {
    Expression test;
    if (left.IsField()) test.type = columns_[left.column].type;
    test.left = std::move(left);
    test.op = op;
    test.right = std::move(right);
    return test;
  }

  // Operands.

  std::optional<Operand> ReadOperand(std::string_view expected) {
    if (failed_) return std::nullopt;
    Operand out;
    out.offset = token_.offset;
    const auto word = token_.raw;
    if (token_.kind == Token::Kind::kNumber || token_.kind == Token::Kind::kText) {
      const bool is_text = token_.kind == Token::Kind::kText;
      out.kind = is_text ? Operand::Kind::kText : Operand::Kind::kNumber;
      out.text = is_text ? ContentOf(token_) : std::string(word);
    } else if (token_.kind != Token::Kind::kWord || IsReserved(word)) {
      Expected(expected);
      return std::nullopt;
    } else if (IsWord(word, "auth")) {
      return ReadAuth(std::move(out));
    } else if (IsWord(word, "true") || IsWord(word, "false")) {
      out.text = IsWord(word, "true") ? "true" : "false";
    } else {
      ReadField(word, out);
    }
    Take();
    return out;
  }

  static bool IsReserved(std::string_view word) {
    return std::ranges::any_of(kReserved,
                               [&](std::string_view own) { return IsWord(word, own); });
  }

  void ReadField(std::string_view name, Operand& out) {
    const auto at = std::ranges::find(columns_, name, &schema::TypedName::name);
    if (at != columns_.end()) {
      out.kind = Operand::Kind::kField;
      out.column = static_cast<std::size_t>(at - columns_.begin());
      return;
    }
    std::vector<std::string_view> names;
    for (const auto& column : columns_) names.push_back(column.name);
    const auto near = NearMiss(name, names.data(), names.size());
    std::string message = "there is no field " + std::string(name);
    message += near.empty() ? "" : "; did you mean " + std::string(near) + "?";
    Refuse(out.offset, message);
    unknown_.insert(out.offset);
  }

  std::optional<Operand> ReadAuth(Operand out) {
    out.kind = Operand::Kind::kAuth;
    Take();
    if (!failed_ && !AcceptSign(".")) Expected("auth.user_id, auth.role or another part");
    if (failed_) return std::nullopt;
    const auto* const part = std::ranges::find(kAuthParts, token_.raw, NameOf);
    if (part == std::end(kAuthParts)) {
      UnknownPart();
      return std::nullopt;
    }
    out.part = *part;
    Take();
    if (out.part != AuthPart::kClaim) return out;
    if (!AcceptSign(".") || token_.kind != Token::Kind::kWord) {
      Expected("the name of a claim, as in auth.claims.plan");
      return std::nullopt;
    }
    out.text = token_.raw;
    Take();
    return out;
  }

  void UnknownPart() {
    std::vector<std::string_view> names;
    for (const auto part : kAuthParts) names.push_back(NameOf(part));
    const auto near = NearMiss(token_.raw, names.data(), names.size());
    auto message = "auth has no part " + Excerpt(token_.raw);
    if (!near.empty()) {
      message += "; did you mean " + std::string(near) + "?";
    } else {
      message += "; it has authenticated, user_id, role, tenant, key_id and claims.NAME";
    }
    Fail(token_.offset, std::move(message));
  }

  const std::string_view text_;
  const schema::Columns& columns_;
  Token token_;
  std::size_t depth_ = 0;
  bool failed_ = false;
  std::vector<RuleProblem> problems_;
  std::set<std::size_t> unknown_;  ///< offsets of fields that are not there
};

}  // namespace

std::expected<RuleExpression, std::vector<RuleProblem>> ParseRule(
    std::string_view text, const schema::Columns& columns) {
  return Parser(text, columns).Parse();
}

}  // namespace millrace::query
