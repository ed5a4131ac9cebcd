#include "query/condition.hpp"

#include <utility>

#include "operators.hpp"
#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

using Kind = Condition::Kind;

/// `kind` of `parts`; a part that is `ends` (never for all, always for any) decides.
Condition Join(Kind kind, std::vector<Condition> parts) {
  const Kind ends = kind == Kind::kAll ? Kind::kAny : Kind::kAll;
  Condition out{kind, {}};
  for (auto& part : parts) {
    if (part.kind == ends && part.parts.empty()) return part;
    if (part.kind == kind) {
      for (auto& inner : part.parts) out.parts.push_back(std::move(inner));
    } else {
      out.parts.push_back(std::move(part));
    }
  }
  if (out.parts.size() != 1) return out;
  auto only = std::move(out.parts.front());
  return only;
}

/// 'it''s', 12.50, true.
std::string LiteralText(const schema::Type& type, std::string_view literal) {
  auto text = schema::TextOf(literal);
  if (!literal.starts_with('"') || type.kind == schema::Kind::kDecimal) return text;
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

std::string FilterText(const Filter& filter, const schema::Columns& columns) {
  const auto& column = columns[filter.column];
  std::vector<std::string> values;
  for (const auto& literal : filter.literals)
    values.push_back(LiteralText(column.type, literal));
  const std::string before = filter.negated ? "not " : "";
  switch (filter.op) {
    case Op::kIsNull:
      return column.name + " is " + before + "null";
    case Op::kIn: {
      std::string list;
      for (const auto& value : values) list += (list.empty() ? "" : ", ") + value;
      return column.name + " " + before + "in (" + list + ")";
    }
    case Op::kLike:
      return before + column.name + " like " + values.front();
    case Op::kILike:
      return before + column.name + " ilike " + values.front();
    default:
      return before + column.name + std::string(SignOf(filter.op)) + values.front();
  }
}

std::string ColumnsText(const Condition& condition, const schema::Columns& columns) {
  const auto& filter = condition.filter;
  return (filter.negated ? "not " : "") + columns[filter.column].name +
         std::string(SignOf(filter.op)) + columns[condition.other].name;
}

std::string PartsText(const Condition& condition, const schema::Columns& columns) {
  std::string out;
  for (const auto& part : condition.parts) {
    if (!out.empty()) out += condition.kind == Kind::kAll ? " and " : " or ";
    // `and` binds closer, so only an `or` below it needs its parentheses.
    const bool wrap = part.kind == Kind::kAny && condition.kind == Kind::kAll;
    const auto text = ToText(part, columns);
    out += wrap ? "(" + text + ")" : text;
  }
  return out;
}

}  // namespace

Condition Condition::Of(Filter filter) {
  Condition out{Kind::kFilter, {}};
  out.filter = std::move(filter);
  return out;
}

Condition Condition::All(std::vector<Condition> parts) {
  return Join(Kind::kAll, std::move(parts));
}

Condition Condition::Any(std::vector<Condition> parts) {
  return Join(Kind::kAny, std::move(parts));
}

std::string ToText(const Condition& condition, const schema::Columns& columns) {
  if (condition.always()) return "true";
  if (condition.never()) return "false";
  switch (condition.kind) {
    case Kind::kFilter:
      return FilterText(condition.filter, columns);
    case Kind::kColumns:
      return ColumnsText(condition, columns);
    case Kind::kAll:
    case Kind::kAny:
      break;
  }
  return PartsText(condition, columns);
}

}  // namespace millrace::query
