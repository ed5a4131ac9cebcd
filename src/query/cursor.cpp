#include "cursor.hpp"

#include <algorithm>
#include <cmath>

#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

// A cursor is sealed: the literals, a line feed before each. They are canonical JSON, so
// none has a line feed itself.

std::string Described(const Filter& filter, const schema::Columns& columns) {
  std::string out = columns[filter.column].name;
  out += '\n';
  out += std::to_string(static_cast<int>(filter.op));
  out += filter.negated ? '!' : '=';
  for (const auto& literal : filter.literals) out.append("\n").append(literal);
  return out;
}

constexpr std::string_view kInfinity = R"("Infinity")", kMinusInfinity = R"("-Infinity")",
                           kNan = R"("NaN")";

bool IsNonFinite(std::string_view literal) {
  return literal == kInfinity || literal == kMinusInfinity || literal == kNan;
}

/// Dates that SQL can compute for a table, and records cannot have.
bool IsFarDate(std::string_view text) {
  if (text == "infinity" || text == "-infinity") return true;
  if (text.find_first_not_of("0123456789-:.TZ") != std::string_view::npos) return false;
  const auto dash = text.find('-');
  return dash == 0 || (dash > 4 && dash < text.size()) || text.starts_with("0000-");
}

/// The column may have another type by now.
bool IsLiteralOf(const schema::Type& type, std::string_view literal) {
  using schema::Kind;
  if (type.kind == Kind::kDouble && IsNonFinite(literal)) return true;
  const auto text = schema::TextOf(literal);
  const bool dated = type.kind == Kind::kDate || type.kind == Kind::kTimestamp;
  if (dated && literal.starts_with('"') && IsFarDate(text)) return true;
  const auto canonical = schema::RecordCodec::LiteralFromText(type, text);
  return canonical.has_value() && *canonical == literal;
}

}  // namespace

std::string NonFiniteLiteral(double value) {
  if (std::isnan(value)) return std::string(kNan);
  return std::string(value > 0 ? kInfinity : kMinusInfinity);
}

std::string Described(const Query& query, std::string_view name,
                      const schema::Columns& columns) {
  std::vector<std::string> filters;
  for (const auto& filter : query.filters) filters.push_back(Described(filter, columns));
  std::sort(filters.begin(), filters.end());  // their place in the URL means nothing
  std::string all(name);
  for (const auto& order : query.order) {
    all += order.descending ? "\n-" : "\n+";
    all += columns[order.column].name;
  }
  for (const auto& filter : filters) all.append("\n\n").append(filter);
  return all;
}

std::string EncodeCursor(const Query& query, const std::vector<std::string>& last) {
  std::string content;
  for (const auto& literal : last) content.append("\n").append(literal);
  return SealText(query.seal, content);
}

std::string EncodeCursor(const Query& query, const schema::Columns& columns,
                         std::string_view document) {
  std::vector<std::string> last;
  for (const auto& order : query.order) {
    const auto literal = schema::FindMember(document, columns[order.column].name);
    last.emplace_back(literal.empty() ? "null" : literal);
  }
  return EncodeCursor(query, last);
}

std::optional<std::vector<std::string>> DecodeCursor(const Query& query,
                                                     const schema::Columns& columns,
                                                     std::string_view cursor) {
  const auto opened = OpenSealed(query.seal, cursor);
  if (!opened) return std::nullopt;
  auto content = std::string_view(*opened);
  std::vector<std::string> literals;
  while (content.starts_with('\n')) {
    content.remove_prefix(1);
    literals.emplace_back(content.substr(0, content.find('\n')));
    content.remove_prefix(literals.back().size());
  }
  if (literals.empty() || literals.size() < query.order.size()) return std::nullopt;
  for (std::size_t i = 0; i < query.order.size(); ++i) {
    const bool is_key = i + 1 == literals.size();
    const auto& type = columns[query.order[i].column].type;
    if (literals[i] == "null" ? is_key : !IsLiteralOf(type, literals[i])) {
      return std::nullopt;
    }
  }
  return literals;
}

}  // namespace millrace::query
