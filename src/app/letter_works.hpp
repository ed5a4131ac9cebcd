#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "pipeline/pipelines.hpp"

namespace millrace::app {

/// What is done with dead letters, as JSON texts that are the same whoever does it.
class LetterWorks {
 public:
  virtual ~LetterWorks() = default;
  /// `spec`: {"set":[["field","expression"],…],"document":"…","reset":bool,"apply":bool,
  /// "shown":n}, members as wanted. Gives {"pipeline","letters","changed","failing",
  /// "applied","items":[…]}.
  virtual Result<std::string> Mend(const pipeline::LetterFilter& filter,
                                   const std::string& spec) = 0;
  /// Gives {"run","letters"}.
  virtual Result<std::string> Redrive(const pipeline::LetterFilter& filter) = 0;
  /// Gives {"run","waiting","applied","superseded","died","stuck":[…]}.
  virtual Result<std::string> Redriven(std::uint64_t run) = 0;
  /// Gives {"dismissed"}. kInvalidArgument: the filter, or a reason that is no text of at
  /// most 1,000 bytes.
  virtual Result<std::string> Dismiss(const pipeline::LetterFilter& filter,
                                      const std::string& reason) = 0;
};

/// By pipelines of this process, which outlive it.
class OwnLetterWorks final : public LetterWorks {
 public:
  explicit OwnLetterWorks(pipeline::Pipelines& pipelines) : pipelines_(pipelines) {}
  Result<std::string> Mend(const pipeline::LetterFilter& filter,
                           const std::string& spec) override;
  Result<std::string> Redrive(const pipeline::LetterFilter& filter) override;
  Result<std::string> Redriven(std::uint64_t run) override;
  Result<std::string> Dismiss(const pipeline::LetterFilter& filter,
                              const std::string& reason) override;

 private:
  pipeline::Pipelines& pipelines_;
};

/// A filter as parameters of a URL: "?pipeline=…", with `limit` and `cursor` too.
std::string ToQuery(const pipeline::DeadLetterFilter& filter);
/// Numbers separated by commas. kInvalidArgument.
Result<std::vector<std::int64_t>> ParseIds(std::string_view text);

}  // namespace millrace::app
