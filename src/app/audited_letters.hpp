#pragma once

#include "audit_log.hpp"
#include "letter_works.hpp"

namespace millrace::app {

/// What is done with dead letters, recorded in an audit log (null: not). What a mend
/// would change is only read.
class AuditedLetters final : public LetterWorks {
 public:
  /// Both outlive it.
  AuditedLetters(LetterWorks& works, AuditLog* audit) : works_(works), audit_(audit) {}
  Result<std::string> Mend(const pipeline::LetterFilter& filter,
                           const std::string& spec) override;
  Result<std::string> Redrive(const pipeline::LetterFilter& filter) override;
  Result<std::string> Redriven(std::uint64_t run) override;
  Result<std::string> Dismiss(const pipeline::LetterFilter& filter,
                              const std::string& reason) override;

 private:
  LetterWorks& works_;
  AuditLog* const audit_;
};

}  // namespace millrace::app
