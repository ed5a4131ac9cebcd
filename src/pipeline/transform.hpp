#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "pipeline/compile.hpp"
#include "sql/engine.hpp"

namespace millrace::pipeline {

/// A row that the rules or the SQL refused.
struct FailedRow {
  Offset offset = 0;
  const char* stage = "sql";  ///< "require", "sql" or "sink"
  std::string reason;
};

struct Transformed {
  sql::Batch rows;  ///< as SinkBatch::rows
  std::vector<FailedRow> failed;
};

/// Runs a pipeline's rules and SQL over batches, for one sink. A row that makes them fail
/// never costs another row; errors that say nothing about a row ("out of memory", "disk
/// full", interrupted) are errors of Run, and the same batch can be run again. One
/// thread.
class Transform {
 public:
  static Result<std::unique_ptr<Transform>> Open(const CompiledPipeline& pipeline,
                                                 const CompiledSink& sink,
                                                 sql::Engine& engine);
  /// `input` has the pipeline's input columns, `_offset` ascending.
  Result<Transformed> Run(sql::Batch input);
  /// From any thread: the statement under way fails with kDeadlineExceeded.
  void Interrupt() { session_->Interrupt(); }

 private:
  using Selection = std::vector<std::uint32_t>;

  Transform(const CompiledPipeline& pipeline, const CompiledSink& sink)
      : pipeline_(pipeline), sink_(sink) {}
  Result<sql::Batch> Execute(sql::Statement& statement, const sql::Batch& input);
  Status CheckRules(sql::Batch& input, std::vector<FailedRow>& failed);
  void CheckColumns(Transformed& out) const;
  Status FindBrokenRules(sql::Batch& input, std::vector<FailedRow>& failed);
  Result<sql::Batch> RunAround(sql::Batch input, std::vector<FailedRow>& failed);
  /// Drops the rows that `probe` names from the input; false: the probe failed itself.
  Result<bool> DropProbed(const std::string& probe, sql::Statement& statement,
                          const char* stage, sql::Batch& input,
                          std::vector<FailedRow>& failed);
  Status DropByHalving(sql::Statement& statement, const char* stage, sql::Batch& input,
                       std::vector<FailedRow>& failed);
  Status Halve(sql::Statement& statement, const sql::Batch& input, std::uint32_t from,
               std::uint32_t to, const char* stage, std::vector<FailedRow>& failed);
  void Explain(sql::Statement& statement, const sql::Batch& input, Selection rows,
               const char* stage, std::vector<FailedRow>& failed);

  const CompiledPipeline& pipeline_;
  const CompiledSink& sink_;
  std::unique_ptr<sql::Session> session_;
  std::optional<sql::Statement> select_, rules_;
};

}  // namespace millrace::pipeline
