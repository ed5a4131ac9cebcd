#include "audited_letters.hpp"

#include "audited.hpp"
#include "collection_json.hpp"
#include "schema/record_codec.hpp"

namespace millrace::app {
namespace {

gateway::AuditEvent EventOf(gateway::AuditAction action, const char* command,
                            const std::string& pipeline) {
  auto event = OperatorEvent(action, command);
  event.resource = pipeline.empty() ? "pipelines" : "pipelines/" + pipeline;
  return event;
}

}  // namespace

Result<std::string> AuditedLetters::Mend(const pipeline::LetterFilter& filter,
                                         const std::string& spec) {
  if (schema::FindMember(spec, "apply") != "true") return works_.Mend(filter, spec);
  return Audited(
      audit_,
      EventOf(gateway::AuditAction::kMend, "millrace deadletters mend", filter.pipeline),
      [&](gateway::AuditEvent& event) -> Result<std::string> {
        MR_TRY(auto answer, works_.Mend(filter, spec));
        event.resource = "pipelines/" + TextMember(answer, "pipeline");
        event.count = NumberMember(answer, "changed");
        return answer;
      });
}

Result<std::string> AuditedLetters::Redrive(const pipeline::LetterFilter& filter) {
  return Audited(audit_,
                 EventOf(gateway::AuditAction::kRedrive, "millrace deadletters redrive",
                         filter.pipeline),
                 [&](gateway::AuditEvent& event) -> Result<std::string> {
                   MR_TRY(auto answer, works_.Redrive(filter));
                   event.resource_id = TextMember(answer, "run");
                   event.count = NumberMember(answer, "letters");
                   return answer;
                 });
}

Result<std::string> AuditedLetters::Dismiss(const pipeline::LetterFilter& filter,
                                            const std::string& reason) {
  return Audited(audit_,
                 EventOf(gateway::AuditAction::kDismiss, "millrace deadletters dismiss",
                         filter.pipeline),
                 [&](gateway::AuditEvent& event) -> Result<std::string> {
                   MR_TRY(auto answer, works_.Dismiss(filter, reason));
                   event.count = NumberMember(answer, "dismissed");
                   return answer;
                 });
}

Result<std::string> AuditedLetters::Redriven(std::uint64_t run) {
  return works_.Redriven(run);
}

}  // namespace millrace::app
