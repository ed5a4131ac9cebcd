#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audit_log.hpp"
#include "base/result.hpp"
#include "pipeline_replay.hpp"

namespace millrace::app {

/// What an operator does, as far as it is known before; see audited.cpp for `route`.
gateway::AuditEvent OperatorEvent(gateway::AuditAction action, std::string route);

/// Runs `work`, and records how it ended: when this returns, the event is durable.
/// `audit` null or `event` none: runs it alone. kUnavailable, and nothing was done: the
/// audit log cannot be written. Where the event alone failed, the error says that it was
/// done.
Result<std::string> Audited(
    AuditLog* audit, std::optional<gateway::AuditEvent> event,
    const std::function<Result<std::string>(gateway::AuditEvent&)>& work);

/// A replay or new snapshot that begins; none for one that only compares.
std::optional<gateway::AuditEvent> ReplayEventOf(const ReplayRequest& request);

/// The event of an action of identity::AccountAdmin; none for those that only read.
std::optional<gateway::AuditEvent> AdminEventOf(std::string_view action);
/// Whom or what it was about, by the request and the answer.
void Complete(gateway::AuditEvent& event, std::string_view request,
              std::string_view answer);

}  // namespace millrace::app
