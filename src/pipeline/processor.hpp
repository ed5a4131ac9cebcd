#pragma once

#include <memory>
#include <vector>

#include "change_reader.hpp"
#include "pipeline/sink.hpp"
#include "pipeline/state_db.hpp"
#include "transform.hpp"

namespace millrace::pipeline {

/// What a batch of events comes to for one sink.
struct Processed {
  SinkBatch batch;
  Version seen;  ///< of the last event: what lookups were read as of
  std::vector<DeadLetter> letters;
  std::vector<TimestampUs> committed_at;  ///< a sample of the events'
};

/// Events to rows, tombstones and dead letters, for one sink of a pipeline. Does no I/O
/// but what the lookups read. One thread.
class Processor {
 public:
  static Result<std::unique_ptr<Processor>> Open(const CompiledPipeline& pipeline,
                                                 const CompiledSink& sink,
                                                 LookupSet& lookups,
                                                 FieldHistory& history,
                                                 sql::Engine& engine, const Clock& clock);
  /// First step: the highest commit position, up to which lookups must be complete.
  Position Begin(const eventlog::RecordBatch& batch) { return reader_.Parse(batch); }
  /// Second step. Errors: retryable ones leave nothing behind, Begin again;
  /// kInvalidArgument: stop, a field was removed or retyped (`on_removed_field: stop`);
  /// kInternal: two rows of one change.
  Result<Processed> Finish(const eventlog::RecordBatch& batch);
  std::vector<ChangeReader::UsedLookup>& lookups() { return reader_.lookups(); }
  Transform& transform() { return *transform_; }

 private:
  Processor(const CompiledPipeline& pipeline, const CompiledSink& sink,
            LookupSet& lookups, FieldHistory& history, const Clock& clock)
      : pipeline_(pipeline),
        sink_(sink),
        clock_(clock),
        reader_(pipeline, sink, lookups, history) {}
  DeadLetter LetterOf(const ReadChange& change, const char* stage,
                      std::string reason) const;
  Status MarkProduced(const sql::Batch& rows, Offset first, std::size_t size);
  Result<sql::Batch> Tombstones(Offset first);
  bool NeedsTombstone(const ReadChange& change, bool produced) const;
  Status SetKey(sql::BatchBuilder& builder, const change::Event& event) const;

  const CompiledPipeline& pipeline_;
  const CompiledSink& sink_;
  const Clock& clock_;
  ChangeReader reader_;
  std::unique_ptr<Transform> transform_;
  std::vector<bool> produced_;  ///< by offset - first
};

}  // namespace millrace::pipeline
