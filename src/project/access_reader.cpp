#include "access_reader.hpp"

#include "sql_text.hpp"

namespace millrace::project {
namespace {

constexpr std::string_view kExample = "a rule, such as owner = auth.user_id";

/// False, and a problem, where no rule can stand in it.
bool HoldsRule(const Node& node, Report& report) {
  const auto kind = KindOf(node);
  // `true` and `false` are rules, too.
  const bool holds = node.kind == Node::Kind::kScalar &&
                     (kind == ScalarKind::kText || kind == ScalarKind::kBoolean);
  if (!holds) report.AddExpected(node, kExample);
  return holds;
}

/// Calls `read` with the node of each operation that has one.
template <typename Read>
void EachRule(const Keys& keys, std::span<const query::Operation> operations,
              Report& report, Read read) {
  const auto* rules = keys.Find("rules");
  if (rules == nullptr) return;
  std::vector<std::string_view> names;
  for (const auto operation : operations) names.push_back(NameOf(operation));
  const Keys by_operation(*rules, "rules", names, report);
  for (const auto operation : operations)
    if (const auto* node = by_operation.Find(NameOf(operation))) read(operation, *node);
}

}  // namespace

std::optional<query::Rule> ReadRule(const Node& node, const schema::Columns* columns,
                                    std::string_view content, Report& report) {
  if (!HoldsRule(node, report) || columns == nullptr) return std::nullopt;
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

query::Access ReadAccess(const Keys& keys, std::span<const query::Operation> operations,
                         const schema::Columns* columns, std::string_view content,
                         Report& report) {
  query::Access access;
  access.tenant = ReadFlag(keys.Find("tenant"), report).value_or(false);
  EachRule(keys, operations, report, [&](query::Operation operation, const Node& node) {
    access.rules[static_cast<std::size_t>(operation)] =
        ReadRule(node, columns, content, report);
  });
  return access;
}

SqlText ReadTableRule(const Keys& keys, std::string_view content, Report& report) {
  SqlText text;
  EachRule(keys, query::kTableOperations, report,
           [&](query::Operation, const Node& node) {
             if (HoldsRule(node, report)) text = LocateText(node, content, report);
           });
  return text;
}

}  // namespace millrace::project
