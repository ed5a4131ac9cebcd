#include "gateway/access_control.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "query/tenant.hpp"

namespace millrace::gateway {
namespace {

using query::Operation;
using query::Principal;

/// Quoted, so that no two principals read alike.
std::string ScopeOf(const Principal& who) {
  std::string out;
  for (const auto* part : {&who.user_id, &who.key_id, &who.tenant})
    AppendJsonString(out, *part);
  return out;
}

bool Writes(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
    case Operation::kUpdate:
    case Operation::kDelete:
    case Operation::kAppend:
      return true;
    case Operation::kList:
    case Operation::kGet:
    case Operation::kLive:
    case Operation::kRead:
      break;
  }
  return false;
}

/// `orders:read`, `orders:write`, `*:read`, `*`.
bool Holds(std::string_view scope, Operation operation, std::string_view name) {
  if (scope == "*") return true;
  const auto colon = scope.rfind(':');
  if (colon == scope.npos) return false;
  const auto of = scope.substr(0, colon);
  const auto action = scope.substr(colon + 1);
  return (of == "*" || of == name) && action == (Writes(operation) ? "write" : "read");
}

/// An API key without scopes has its role's rights.
bool InScopes(const Principal& who, Operation operation, std::string_view name) {
  return who.scopes.empty() || std::ranges::any_of(who.scopes, [&](const auto& scope) {
           return Holds(scope, operation, name);
         });
}

std::unexpected<Error> Closed(const std::string& asked) {
  return Fail(ErrorCode::kPermissionDenied, "no access rule opens " + asked);
}

std::unexpected<Error> OutOfScope(const std::string& asked) {
  return Fail(ErrorCode::kPermissionDenied,
              "the scopes of the API key leave out " + asked);
}

std::unexpected<Error> NoTenant(const std::string& asked, const std::string& tenant) {
  if (tenant.empty()) {
    return Fail(ErrorCode::kPermissionDenied,
                asked + " asks for a tenant, and the token names none");
  }
  return Fail(ErrorCode::kPermissionDenied,
              asked + " asks for a tenant, whose name is " +
                  std::string(query::kTenantForm) +
                  ": give the user or key one (millrace users set USER --tenant NAME)");
}

}  // namespace

AccessControl RulesOf(const project::Project& project) {
  AccessControl access;
  access.rules = project.access;
  constexpr std::string_view kTable = "table.";
  for (const auto& pipeline : project.pipelines) {
    for (const auto& sink : pipeline.sinks) {
      if (sink.list_rule.text.empty()) continue;
      const bool table = sink.name.starts_with(kTable);
      access.tables[table ? sink.name.substr(kTable.size()) : sink.name] =
          sink.list_rule.text;
    }
  }
  return access;
}

bool Grant::Sees(std::string_view document, const schema::Collection& collection) const {
  const auto matcher = Matching(collection);
  return !matcher || matcher->Matches(document);
}

std::optional<query::Matcher> Grant::Matching(
    const schema::Collection& collection) const {
  if (condition.always()) return std::nullopt;
  return query::Matcher(condition, collection.DocumentColumns());
}

Result<Principal> WhoIs(const AccessControl* access, const http::Request& request) {
  if (access == nullptr) return Principal{};
  return access->who(request);
}

Result<Grant> Allow(const AccessControl* access, Operation operation,
                    const http::Request& request, const std::string& name) {
  MR_TRY(const auto who, WhoIs(access, request));
  return Allow(access, operation, who, name);
}

Result<Grant> Allow(const AccessControl* access, Operation operation,
                    const Principal& who, const std::string& name) {
  if (access == nullptr) return Grant{};
  const auto at = access->rules.find(name);
  const auto asked = std::string(NameOf(operation)) + " in " + name;
  if (at == access->rules.end() || !at->second.RuleOf(operation)) return Closed(asked);
  if (!InScopes(who, operation, name)) return OutOfScope(asked);
  const auto& rules = at->second;
  if (rules.tenant && !query::IsTenant(who.tenant)) return NoTenant(asked, who.tenant);
  return Grant{rules.tenant ? who.tenant : "", rules.For(operation, who), ScopeOf(who)};
}

Result<Grant> AllowTable(const AccessControl* access, const Principal& who,
                         const std::string& table, const schema::Columns& columns) {
  if (access == nullptr) return Grant{};
  const auto at = access->tables.find(table);
  const auto asked = "list in table " + table;
  if (at == access->tables.end()) return Closed(asked);
  if (!InScopes(who, Operation::kList, table)) return OutOfScope(asked);
  const auto rule = query::Rule::Parse(at->second, columns);
  if (!rule) {
    return Fail(
        ErrorCode::kPermissionDenied,
        "the access rule of " + asked + " does not fit the columns that it has by now");
  }
  return Grant{"", rule->For(who), ScopeOf(who)};
}

bool Opens(const AccessControl* access, const Principal& who, const std::string& name,
           std::span<const Operation> operations) {
  return std::ranges::any_of(operations, [&](Operation operation) {
    const auto grant = Allow(access, operation, who, name);
    return grant && !grant->condition.never();
  });
}

}  // namespace millrace::gateway
