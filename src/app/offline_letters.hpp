#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "capture/change_pump.hpp"
#include "change/complete_mark.hpp"
#include "letter_works.hpp"
#include "own_audit.hpp"
#include "project/project.hpp"
#include "settings.hpp"
#include "stores.hpp"

namespace millrace::app {

/// Mends, redrives and dismisses the letters of a data directory on which no server runs.
/// A redrive runs the pipelines that it concerns to the end of the log before it returns.
class OfflineLetters final : public LetterWorks {
 public:
  /// Everything given outlives it. kFenced when a process holds the data directory.
  static Result<std::unique_ptr<OfflineLetters>> Open(const project::Project& project,
                                                      const Settings& settings,
                                                      const std::filesystem::path& data,
                                                      telemetry::Logger& logger);
  Result<std::string> Mend(const pipeline::LetterFilter& filter,
                           const std::string& spec) override;
  Result<std::string> Redrive(const pipeline::LetterFilter& filter) override;
  Result<std::string> Redriven(std::uint64_t run) override;
  Result<std::string> Dismiss(const pipeline::LetterFilter& filter,
                              const std::string& reason) override;

 private:
  OfflineLetters(const project::Project& project, const Settings& settings,
                 telemetry::Logger& logger)
      : project_(project), settings_(settings), logger_(logger) {}
  Result<std::unique_ptr<pipeline::Pipelines>> Pipelines();
  Status Carry(const std::string& pipeline);
  AuditLog* audit() { return audit_ ? &audit_->log() : nullptr; }

  const project::Project& project_;
  const Settings& settings_;
  telemetry::Logger& logger_;
  telemetry::Registry metrics_;
  std::unique_ptr<Stores> stores_;
  change::CompleteMark mark_;
  std::unique_ptr<capture::ChangePump> pump_;
  std::unique_ptr<OwnAudit> audit_;  ///< null: the project has none
};

}  // namespace millrace::app
