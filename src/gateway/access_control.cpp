#include "gateway/access_control.hpp"

#include <optional>
#include <utility>

#include "base/json.hpp"

namespace millrace::gateway {
namespace {

/// Quoted, so that no two principals read alike.
std::string ScopeOf(const query::Principal& who) {
  std::string out;
  for (const auto* part : {&who.user_id, &who.key_id, &who.tenant})
    AppendJsonString(out, *part);
  return out;
}

}  // namespace

bool Grant::Sees(std::string_view document, const schema::Collection& collection) const {
  const auto matcher = Matching(collection);
  return !matcher || matcher->Matches(document);
}

std::optional<query::Matcher> Grant::Matching(
    const schema::Collection& collection) const {
  if (condition.always()) return std::nullopt;
  return query::Matcher(condition, collection.DocumentColumns());
}

Result<Grant> Allow(const AccessControl* access, query::Operation operation,
                    const http::Request& request, const std::string& collection) {
  if (access == nullptr) return Grant{};
  MR_TRY(const auto who, access->who(request));
  const auto at = access->rules.find(collection);
  const auto asked = std::string(NameOf(operation)) + " in " + collection;
  if (at == access->rules.end() || !at->second.RuleOf(operation)) {
    return Fail(ErrorCode::kPermissionDenied, "no access rule opens " + asked);
  }
  const auto& rules = at->second;
  if (rules.tenant && who.tenant.empty()) {
    return Fail(ErrorCode::kPermissionDenied,
                asked + " asks for a tenant, and the token names none");
  }
  return Grant{rules.tenant ? who.tenant : "", rules.For(operation, who), ScopeOf(who)};
}

}  // namespace millrace::gateway
