#include "offline_letters.hpp"

#include "audited_letters.hpp"
#include "offline_pipelines.hpp"

namespace millrace::app {

Result<std::unique_ptr<OfflineLetters>> OfflineLetters::Open(
    const project::Project& project, const Settings& settings,
    const std::filesystem::path& data, telemetry::Logger& logger) {
  std::unique_ptr<OfflineLetters> letters(new OfflineLetters(project, settings, logger));
  MR_TRY(auto directory, DataDirectory::Lock(data, false));
  MR_TRY(letters->stores_, Stores::Open(project, Unbounded(settings),
                                        std::move(directory), letters->metrics_, logger));
  // What was committed before the last stop belongs to the end of the log, too.
  letters->pump_ = std::make_unique<capture::ChangePump>(
      *letters->stores_->records, *letters->stores_->log, letters->mark_, logger);
  MR_CHECK_OK(letters->pump_->Start());
  letters->audit_ =
      OwnAudit::Open(project, {*letters->stores_->log, *letters->stores_->records},
                     letters->metrics_, logger);
  return letters;
}

Result<std::unique_ptr<pipeline::Pipelines>> OfflineLetters::Pipelines() {
  return MakePipelines(project_, settings_, *stores_, mark_, metrics_, logger_);
}

Result<std::string> OfflineLetters::Mend(const pipeline::LetterFilter& filter,
                                         const std::string& spec) {
  MR_TRY(const auto pipelines, Pipelines());
  OwnLetterWorks works(*pipelines);
  return AuditedLetters(works, audit()).Mend(filter, spec);
}

Result<std::string> OfflineLetters::Redrive(const pipeline::LetterFilter& filter) {
  MR_TRY(const auto pipelines, Pipelines());
  OwnLetterWorks works(*pipelines);
  MR_TRY(auto started, AuditedLetters(works, audit()).Redrive(filter));
  for (const auto& pipeline : project_.pipelines) {
    MR_TRY(const auto sinks, stores_->state->letters().SentSinks(pipeline.name));
    if (!sinks.empty()) MR_CHECK_OK(Carry(pipeline.name));
  }
  return started;
}

Result<std::string> OfflineLetters::Dismiss(const pipeline::LetterFilter& filter,
                                            const std::string& reason) {
  MR_TRY(const auto pipelines, Pipelines());
  OwnLetterWorks works(*pipelines);
  return AuditedLetters(works, audit()).Dismiss(filter, reason);
}

Status OfflineLetters::Carry(const std::string& pipeline) {
  MR_TRY(const auto pipelines, Pipelines());
  MR_TRY(const auto status,
         pipelines->Run(pipeline, {}, MakeSinkFactory(*stores_->sink_parts)));
  for (const auto* sinks : {&status.sinks, &status.redrives}) {
    for (const auto& sink : *sinks) {
      if (sink.state != "stopped") continue;
      return Fail(ErrorCode::kUnavailable, pipeline + "/" + sink.name +
                                               " has stopped: " + sink.reason +
                                               "; what was sent goes on when it runs");
    }
  }
  return {};
}

Result<std::string> OfflineLetters::Redriven(std::uint64_t run) {
  MR_TRY(const auto pipelines, Pipelines());
  return OwnLetterWorks(*pipelines).Redriven(run);
}

}  // namespace millrace::app
