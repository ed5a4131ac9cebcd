#include "operators.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "schema/record_codec.hpp"
#include "url.hpp"

namespace millrace::query {
namespace {

using schema::Kind;
using schema::RecordCodec;

constexpr std::size_t kMaxListed = 1000;
/// More of them cost a store time that grows with each, and nobody needs them.
constexpr std::ptrdiff_t kMaxStars = 10;

struct OpName {
  std::string_view text;
  Op op;
};

constexpr OpName kOps[] = {{"eq", Op::kEq},      {"neq", Op::kNeq},   {"gt", Op::kGt},
                           {"gte", Op::kGte},    {"lt", Op::kLt},     {"lte", Op::kLte},
                           {"in", Op::kIn},      {"is", Op::kIsNull}, {"like", Op::kLike},
                           {"ilike", Op::kILike}};
constexpr std::string_view kOpHelp =
    "operators are eq, neq, gt, gte, lt, lte, in.(a,b), is.null, is.not_null, like and "
    "ilike, each also as not.…";

std::unexpected<Error> Refuse(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::unexpected<Error> UnknownOperator(std::string_view name, std::string_view text) {
  std::string_view names[std::size(kOps)];
  for (std::size_t i = 0; i < std::size(kOps); ++i) names[i] = kOps[i].text;
  const bool has_point = text.find('.') != text.npos;
  const auto near = has_point ? NearMiss(name, names, std::size(names)) : "";
  std::string message = has_point ? Excerpt(name) + " is not an operator"
                                  : Excerpt(text) + " has no operator, as in eq.value";
  if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
  return Refuse(message + " (" + std::string(kOpHelp) + ")");
}

bool TakeWord(std::string_view& text, std::string_view& word) {
  const auto point = text.find('.');
  if (point == text.npos) return false;
  word = text.substr(0, point);
  text.remove_prefix(point + 1);
  return true;
}

Result<Filter> ParseIs(Filter filter, std::string_view value) {
  if (value == "null") return filter;
  if (value != "not_null") return Refuse("is knows is.null and is.not_null");
  filter.negated = !filter.negated;
  return filter;
}

Result<Filter> ParseIn(Filter filter, const schema::Type& type, std::string_view value) {
  constexpr std::string_view kHelp = "write in.(a,b,\"c,d\")";
  if (!value.starts_with('(') || !value.ends_with(')')) return Refuse(std::string(kHelp));
  const auto inside = value.substr(1, value.size() - 2);
  const auto parts = SplitList(inside);
  if (inside.empty() || !parts) return Refuse(std::string(kHelp));
  if (parts->size() > kMaxListed) return Refuse("in takes at most 1000 values");
  for (const auto& part : *parts) {
    MR_TRY(auto literal, RecordCodec::LiteralFromText(type, part));
    filter.literals.push_back(std::move(literal));
  }
  // Sorted and once each: the same set is the same query, also to a cursor.
  std::sort(filter.literals.begin(), filter.literals.end());
  const auto twice = std::unique(filter.literals.begin(), filter.literals.end());
  filter.literals.erase(twice, filter.literals.end());
  return filter;
}

Result<Filter> ParsePattern(Filter filter, const schema::Type& type,
                            std::string_view value) {
  if (type.kind != Kind::kText) {
    return Refuse("like and ilike are for text, this is " + type.ToString());
  }
  if (std::count(value.begin(), value.end(), '*') > kMaxStars) {
    return Refuse("a pattern may have at most 10 times *");
  }
  MR_TRY(auto literal, RecordCodec::LiteralFromText(type, value));
  filter.literals.push_back(std::move(literal));
  return filter;
}

bool HasNoOrder(const schema::Type& type) {
  return !type.scalar() || type.kind == Kind::kJson;
}

}  // namespace

Result<Filter> ParseFilter(std::size_t column, const schema::TypedName& declared,
                           std::string_view text) {
  const auto& type = declared.type;
  Filter filter{column, Op::kEq, false, {}};
  auto rest = text;
  std::string_view word;
  if (!TakeWord(rest, word)) return UnknownOperator(word, text);
  if (word == "not") {
    filter.negated = true;
    if (!TakeWord(rest, word)) return UnknownOperator(word, rest);
  }
  const auto* known = std::find_if(std::begin(kOps), std::end(kOps),
                                   [&](const OpName& op) { return op.text == word; });
  if (known == std::end(kOps)) return UnknownOperator(word, text);
  filter.op = known->op;
  if (filter.op == Op::kIsNull) return ParseIs(std::move(filter), rest);
  if (HasNoOrder(type)) {
    return Refuse("is " + type.ToString() +
                  ": only is.null and is.not_null can be asked");
  }
  if (filter.op == Op::kIn) return ParseIn(std::move(filter), type, rest);
  if (filter.op == Op::kLike || filter.op == Op::kILike) {
    return ParsePattern(std::move(filter), type, rest);
  }
  MR_TRY(auto literal, RecordCodec::LiteralFromText(type, rest));
  filter.literals.push_back(std::move(literal));
  return filter;
}

std::string_view SignOf(Op op) {
  switch (op) {
    case Op::kNeq:
      return " <> ";
    case Op::kGt:
      return " > ";
    case Op::kGte:
      return " >= ";
    case Op::kLt:
      return " < ";
    case Op::kLte:
      return " <= ";
    default:
      return " = ";
  }
}

}  // namespace millrace::query
