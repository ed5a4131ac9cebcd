#include "audited.hpp"

#include <utility>

#include "http/problem.hpp"
#include "schema/record_codec.hpp"

namespace millrace::app {
namespace {

using gateway::AuditAction;
using gateway::AuditEvent;
using gateway::AuditResult;

struct AdminAction {
  std::string_view name;
  AuditAction action;
  std::string_view resource, route;
};

constexpr AdminAction kAdminActions[] = {
    {"users/add", AuditAction::kUserMade, "users", "millrace users add"},
    {"users/set", AuditAction::kUserChanged, "users", "millrace users set"},
    {"users/remove", AuditAction::kUserRemoved, "users", "millrace users remove"},
    {"keys/create", AuditAction::kKeyMade, "keys", "millrace keys create"},
    {"keys/revoke", AuditAction::kKeyRevoked, "keys", "millrace keys revoke"},
    {"tokens/rotate", AuditAction::kKeysRotated, "signing_keys",
     "millrace tokens rotate"},
    {"tokens/revoke", AuditAction::kSessionEnded, "sessions", "millrace tokens revoke"}};

std::string IdIn(std::string_view document, std::string_view name) {
  const auto literal = schema::FindMember(document, name);
  return literal.starts_with('"') ? schema::TextOf(literal) : std::string();
}

}  // namespace

AuditEvent OperatorEvent(AuditAction action, std::string route) {
  AuditEvent event;
  event.action = action;
  event.actor = gateway::Operator();
  event.route = std::move(route);
  return event;
}

Result<std::string> Audited(AuditLog* audit, std::optional<AuditEvent> event,
                            const std::function<Result<std::string>(AuditEvent&)>& work) {
  AuditEvent none;
  if (audit == nullptr || !event) return work(none);
  MR_CHECK_OK(audit->Ready());
  auto answer = work(*event);
  if (!answer) {
    const auto code = answer.error().code();
    event->result =
        http::StatusOf(code) >= 500 ? AuditResult::kFailed : AuditResult::kRefused;
    event->code = ToString(code);
  }
  const auto kept = audit->RecordAndWait(std::move(*event));
  if (kept || !answer) return answer;
  return Fail(Error(kept.error()).During("it was done, but its event is not durable"));
}

std::optional<AuditEvent> ReplayEventOf(const ReplayRequest& request) {
  if (request.compare) return std::nullopt;
  auto event =
      request.snapshot
          ? OperatorEvent(AuditAction::kResnapshot, "millrace pipelines resnapshot")
          : OperatorEvent(AuditAction::kReplay, "millrace pipelines replay");
  event.resource = "pipelines/" + request.pipeline;
  event.resource_id = request.sink;
  return event;
}

std::optional<AuditEvent> AdminEventOf(std::string_view action) {
  for (const auto& known : kAdminActions) {
    if (known.name != action) continue;
    auto event = OperatorEvent(known.action, std::string(known.route));
    event.resource = known.resource;
    return event;
  }
  return std::nullopt;
}

void Complete(AuditEvent& event, std::string_view request, std::string_view answer) {
  event.resource_id = IdIn(answer, "id");
  if (event.resource_id.empty()) event.resource_id = IdIn(request, "id");
}

}  // namespace millrace::app
