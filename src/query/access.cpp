#include "query/access.hpp"

namespace millrace::query {

std::string_view NameOf(Operation operation) {
  switch (operation) {
    case Operation::kList:
      return "list";
    case Operation::kGet:
      return "get";
    case Operation::kCreate:
      return "create";
    case Operation::kUpdate:
      return "update";
    case Operation::kDelete:
      return "delete";
    case Operation::kLive:
      return "live";
    case Operation::kAppend:
      return "append";
    case Operation::kRead:
      return "read";
  }
  return "";
}

const std::optional<Rule>& Access::RuleOf(Operation operation) const {
  const auto& own = rules[static_cast<std::size_t>(operation)];
  if (operation != Operation::kLive || own) return own;
  return rules[static_cast<std::size_t>(Operation::kList)];
}

Condition Access::For(Operation operation, const Principal& principal) const {
  const auto& rule = RuleOf(operation);
  if (!rule || (tenant && principal.tenant.empty())) return Condition::Never();
  return rule->For(principal);
}

}  // namespace millrace::query
