#include "access_reader.hpp"

#include "sql_text.hpp"

namespace millrace::project {
namespace {

constexpr std::string_view kExample = "a rule, such as owner = auth.user_id";

std::optional<query::Rule> ReadRule(const Node& node, const schema::Columns* columns,
                                    std::string_view content, Report& report) {
  const auto kind = KindOf(node);
  // `true` and `false` are rules, too.
  if (node.kind != Node::Kind::kScalar ||
      (kind != ScalarKind::kText && kind != ScalarKind::kBoolean)) {
    report.AddExpected(node, kExample);
    return std::nullopt;
  }
  if (columns == nullptr) return std::nullopt;
  auto rule = query::Rule::Parse(node.text, *columns);
  if (rule) return *std::move(rule);
  const auto text = LocateText(node, content, report);
  for (auto& problem : rule.error()) {
    if (!node.quoted && problem.offset == node.text.size() && node.text.contains('('))
      problem.message += " (inside {…} YAML ends it at a comma unless it is in quotes)";
    const auto place = text.At(problem.offset);
    report.AddAt(place.line, place.column, std::move(problem.message));
  }
  return std::nullopt;
}

}  // namespace

query::Access ReadAccess(const Keys& keys, const schema::Columns* columns,
                         std::string_view content, Report& report) {
  query::Access access;
  access.tenant = ReadFlag(keys.Find("tenant"), report).value_or(false);
  const auto* rules = keys.Find("rules");
  if (rules == nullptr) return access;
  std::vector<std::string_view> names;
  for (const auto operation : query::kOperations) names.push_back(NameOf(operation));
  const Keys by_operation(*rules, "rules", names, report);
  for (const auto operation : query::kOperations) {
    const auto* node = by_operation.Find(NameOf(operation));
    if (node == nullptr) continue;
    access.rules[static_cast<std::size_t>(operation)] =
        ReadRule(*node, columns, content, report);
  }
  return access;
}

}  // namespace millrace::project
