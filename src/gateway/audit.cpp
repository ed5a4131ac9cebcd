#include "gateway/audit.hpp"

#include <unistd.h>

#include <array>

namespace millrace::gateway {

std::string_view NameOf(AuditAction action) {
  static constexpr std::array<std::string_view, kAuditActionCount> kNames = {
      "create",       "update",   "replace",       "delete",       "append",
      "sign_up",      "login",    "login_refused", "refresh",      "refresh_reuse",
      "logout",       "password", "session_ended", "user_made",    "user_changed",
      "user_removed", "key_made", "key_revoked",   "keys_rotated", "mend",
      "redrive",      "dismiss",  "replay",        "resnapshot",   "rebuild",
      "backup",       "refused"};
  return kNames[static_cast<std::size_t>(action)];
}

std::string_view NameOf(AuditResult result) {
  static constexpr std::array<std::string_view, kAuditResultCount> kNames = {
      "ok", "refused", "failed"};
  return kNames[static_cast<std::size_t>(result)];
}

AuditActor ActorOf(const query::Principal& who) {
  AuditActor actor;
  if (!who.authenticated) return actor;
  actor.kind = !who.user_id.empty() ? "user" : !who.key_id.empty() ? "key" : "service";
  actor.id = who.user_id.empty() ? who.key_id : who.user_id;
  actor.tenant = who.tenant;
  actor.role = who.role;
  return actor;
}

AuditActor Operator() {
  return {"operator", "uid:" + std::to_string(::geteuid()), "", ""};
}

}  // namespace millrace::gateway
