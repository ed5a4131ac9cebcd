#include "query/match.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

using schema::SortValue;

/// As SQLite compares what mr_field yields; both of one type.
bool Less(const SortValue& a, const SortValue& b) {
  return std::tie(a.tag, a.integer, a.real, a.text) <
         std::tie(b.tag, b.integer, b.real, b.text);
}

bool Compares(Op op, const SortValue& a, const SortValue& b) {
  switch (op) {
    case Op::kEq:
      return !Less(a, b) && !Less(b, a);
    case Op::kNeq:
      return Less(a, b) || Less(b, a);
    case Op::kGt:
      return Less(b, a);
    case Op::kGte:
      return !Less(a, b);
    case Op::kLt:
      return Less(a, b);
    case Op::kLte:
      return !Less(b, a);
    default:
      return false;
  }
}

/// Of ASCII alone, as SQLite's LIKE does.
std::string Lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// `*` in the pattern stands for any text. Goes back to the last star alone, so the cost
/// is at most the product of both lengths.
bool FitsPattern(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = pattern.npos;
  std::size_t star_at = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      star_at = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != pattern.npos) {
      in_pattern = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == pattern.npos;
}

}  // namespace

struct Matcher::Node {
  Condition::Kind kind;
  std::vector<Node> parts;
  schema::TypedName column;
  schema::TypedName other;  ///< kColumns
  Op op;
  bool negated;
  std::vector<SortValue> values;  ///< kIn: sorted
  std::string pattern;

  Node(const Condition& condition, const schema::Columns& columns)
      : kind(condition.kind), op(condition.filter.op), negated(condition.filter.negated) {
    for (const auto& part : condition.parts) parts.emplace_back(part, columns);
    if (kind == Condition::Kind::kAll || kind == Condition::Kind::kAny) return;
    column = columns[condition.filter.column];
    if (kind == Condition::Kind::kColumns) other = columns[condition.other];
    for (const auto& literal : condition.filter.literals) ReadLiteral(literal);
    std::ranges::sort(values, Less);
  }

  void ReadLiteral(const std::string& literal) {
    if (op == Op::kLike) {
      pattern = schema::TextOf(literal);
    } else if (op == Op::kILike) {
      pattern = Lower(schema::TextOf(literal));
    } else {
      values.push_back(schema::ToSortValue(column.type, literal).value_or(SortValue{}));
    }
  }

  static SortValue Read(std::string_view document, const schema::TypedName& from) {
    const auto literal = schema::FindMember(document, from.name);
    return schema::ToSortValue(from.type, literal).value_or(SortValue{});
  }

  bool Matches(std::string_view document) const {
    const auto holds = [&](const Node& part) { return part.Matches(document); };
    switch (kind) {
      case Condition::Kind::kAll:
        return std::ranges::all_of(parts, holds);
      case Condition::Kind::kAny:
        return std::ranges::any_of(parts, holds);
      case Condition::Kind::kFilter:
      case Condition::Kind::kColumns:
        break;
    }
    const auto value = Read(document, column);
    const bool is_null = value.tag == SortValue::Tag::kNull;
    if (op == Op::kIsNull) return is_null != negated;
    if (is_null) return false;
    if (kind == Condition::Kind::kFilter) return Fulfils(value) != negated;
    const auto right = Read(document, other);
    return right.tag != SortValue::Tag::kNull && Compares(op, value, right) != negated;
  }

  bool Fulfils(const SortValue& value) const {
    switch (op) {
      case Op::kIn:
        return std::ranges::binary_search(values, value, Less);
      case Op::kLike:
        return FitsPattern(value.text, pattern);
      case Op::kILike:
        return FitsPattern(Lower(value.text), pattern);
      default:
        return Compares(op, value, values.front());
    }
  }
};

Matcher::Matcher(const Condition& condition, const schema::Columns& columns)
    : root_(std::make_shared<const Node>(condition, columns)) {}

bool Matcher::Matches(std::string_view document) const {
  return root_->Matches(document);
}

}  // namespace millrace::query
