#include "live/view.hpp"

#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace millrace::live {
namespace {

query::Condition ConditionOf(const query::Query& query) {
  std::vector<query::Condition> parts;
  for (const auto& filter : query.filters) {
    parts.push_back(query::Condition::Of(filter));
  }
  parts.push_back(query.visible);
  return query::Condition::All(std::move(parts));
}

std::uint32_t ScopeOf(const query::Condition& visible, const schema::Columns& columns,
                      std::string_view tenant) {
  if (visible.always() && tenant.empty()) return 0;
  auto text = ToText(visible, columns);
  if (!tenant.empty()) text.append("\n").append(tenant);
  const auto hash = static_cast<std::uint32_t>(Hash64(text));
  return hash != 0 ? hash : 1;
}

}  // namespace

View::View(query::Query query, const schema::Collection& collection,
           std::string_view tenant)
    : query_(std::move(query)),
      condition_(ConditionOf(query_)),
      matcher_(condition_, collection.DocumentColumns()),
      scope_(ScopeOf(query_.visible, collection.DocumentColumns(), tenant)) {}

}  // namespace millrace::live
