#include "audit_route.hpp"

namespace millrace::gateway {
namespace {

using http::Method;
using Kind = AuditRoute::Kind;

constexpr std::string_view kAllRecords = "/api/collections/{collection}/records";
constexpr std::string_view kOneRecord = "/api/collections/{collection}/records/{key}";

struct Known {
  Method method;
  std::string_view pattern;
  Kind kind;
  AuditAction action;
};

constexpr Known kKnown[] = {
    {Method::kPost, kAllRecords, Kind::kRecords, AuditAction::kCreate},
    {Method::kPatch, kOneRecord, Kind::kRecords, AuditAction::kUpdate},
    {Method::kPut, kOneRecord, Kind::kRecords, AuditAction::kReplace},
    {Method::kDelete, kOneRecord, Kind::kRecords, AuditAction::kDelete},
    {Method::kPost, "/api/streams/{stream}/events", Kind::kEvents, AuditAction::kAppend},
    {Method::kPost, "/api/auth/sign-up", Kind::kGrant, AuditAction::kSignUp},
    {Method::kPost, "/api/auth/login", Kind::kGrant, AuditAction::kLogin},
    {Method::kPost, "/api/auth/refresh", Kind::kGrant, AuditAction::kRefresh},
    {Method::kPost, "/api/auth/logout", Kind::kSession, AuditAction::kLogout},
    {Method::kPost, "/api/auth/password", Kind::kSession, AuditAction::kPassword},
    {Method::kPost, "/api/auth/revoke", Kind::kSession, AuditAction::kSessionEnded},
    {Method::kDelete, "/api/auth/sessions/{id}", Kind::kSession,
     AuditAction::kSessionEnded},
};

}  // namespace

AuditRoute AuditRouteOf(Method method, std::string_view pattern) {
  AuditRoute route;
  route.name = std::string(http::ToString(method)) + ' ' + std::string(pattern);
  route.record = pattern == kOneRecord;
  for (const auto& known : kKnown) {
    if (known.method != method || known.pattern != pattern) continue;
    route.kind = known.kind;
    route.action = known.action;
  }
  return route;
}

std::string AuditResourceOf(const http::Request& request) {
  for (const std::string_view of : {"collection", "stream", "table"}) {
    if (const auto name = request.Param(of); !name.empty())
      return std::string(of) + "s/" + std::string(name);
  }
  if (!request.path.starts_with("/api/auth/")) return {};
  return request.path == "/api/auth/sign-up" || request.path == "/api/auth/password"
             ? "users"
             : "sessions";
}

}  // namespace millrace::gateway
