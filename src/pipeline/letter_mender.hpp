#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/compile.hpp"
#include "pipeline/dead_letters.hpp"
#include "pipeline/mend.hpp"
#include "sql/engine.hpp"

namespace millrace::pipeline {

/// A letter with what a mend makes of it. `event` is what would be redriven.
struct Mended {
  MendedLetter shown;
  std::string event;
  bool stays = false;  ///< cannot be mended so
};

/// Computes mended events of one pipeline's letters. Nothing is stored. One thread.
class LetterMender {
 public:
  /// kInvalidArgument: a field that there is not, the key, SQL that makes no sense.
  static Result<std::unique_ptr<LetterMender>> Open(const CompiledPipeline& pipeline,
                                                    const MendSpec& spec,
                                                    sql::Engine& engine);
  /// In the order of `letters`. Errors are of the engine, not of a letter.
  Result<std::vector<Mended>> Mend(const std::vector<DeadLetter>& letters);
  /// What was given, for people: "amount = abs(amount)".
  const std::string& text() const { return text_; }

 private:
  struct Source;
  LetterMender(const CompiledPipeline& pipeline, const MendSpec& spec);
  Status Prepare(sql::Engine& engine);
  Result<schema::TypedName> FieldOf(const std::string& name) const;
  Source Read(const DeadLetter& letter) const;
  sql::Batch Input(const std::vector<Source>& sources,
                   const std::vector<DeadLetter>& letters, std::size_t from,
                   std::size_t to);
  Result<sql::Batch> Execute(const sql::Batch& input);
  void Finish(const Source& source, const sql::Batch& values, std::size_t row,
              Mended& into) const;
  std::string SetFields(const std::string& document, const sql::Batch& values,
                        std::size_t row) const;
  std::string WithCanonicalFields(const std::string& document) const;
  std::string Event(const Source& source, const std::string& document) const;

  const CompiledPipeline& pipeline_;
  const MendSpec spec_;
  std::string text_;
  const std::string key_;  ///< of the document
  schema::Columns document_, input_, set_;
  std::unique_ptr<sql::Session> session_;
  std::optional<sql::Statement> statement_;
};

}  // namespace millrace::pipeline
