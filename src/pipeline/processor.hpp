#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "change_reader.hpp"
#include "pipeline/sink.hpp"
#include "pipeline/state_db.hpp"
#include "transform.hpp"

namespace millrace::pipeline {

/// What a batch of events comes to for one sink.
struct Processed {
  SinkBatch batch;  ///< whose first and next are for the caller to say
  Version seen;     ///< of the last event: what lookups were read as of
  std::vector<DeadLetter> letters;
  /// Behind a codec, by offset: the states of records that events have become. Until it
  /// could be read, a letter had its event's own id for a key.
  std::map<Offset, RecordState> became;
  std::vector<TimestampUs> committed_at;  ///< a sample of the events'
};

/// Events to rows, tombstones and dead letters, for one sink of a pipeline. Does no I/O
/// but what the lookups read. One thread.
class Processor {
 public:
  /// `history`: of the stream that the letters name. `stops_at_drift`: as
  /// `on_removed_field: stop` says; else drift makes dead letters.
  static Result<std::unique_ptr<Processor>> Open(const CompiledPipeline& pipeline,
                                                 const CompiledSink& sink,
                                                 LookupSet& lookups,
                                                 FieldHistory& history,
                                                 sql::Engine& engine, const Clock& clock,
                                                 bool stops_at_drift);
  /// First step: the highest commit position, up to which lookups must be complete.
  /// Offsets ascend, maybe with gaps; at least one record.
  Position Begin(std::span<const eventlog::Record> records) {
    return reader_.Parse(records);
  }
  /// Second step. Errors: retryable ones leave nothing behind, Begin again;
  /// kInvalidArgument: stop, a field was removed or retyped (`on_removed_field: stop`);
  /// kInternal: two rows of one change.
  Result<Processed> Finish();
  /// With `on_error: park_key`, before Finish: records of these keys have a letter of
  /// this version, behind which their later changes wait.
  void Block(std::map<std::string, Version, std::less<>> blocked) {
    blocked_ = std::move(blocked);
  }
  std::vector<ChangeReader::UsedLookup>& lookups() { return reader_.lookups(); }
  Transform& transform() { return *transform_; }

 private:
  Processor(const CompiledPipeline& pipeline, const CompiledSink& sink,
            LookupSet& lookups, FieldHistory& history, const Clock& clock,
            bool stops_at_drift)
      : pipeline_(pipeline),
        sink_(sink),
        history_(history),
        clock_(clock),
        stops_at_drift_(stops_at_drift),
        reader_(pipeline, sink, lookups, history) {}
  DeadLetter LetterOf(const ReadChange& change, const char* stage,
                      std::string reason) const;
  Status CheckDrift();
  bool IsBlocked(const ReadChange& change) const;
  /// Refuses changes that wait behind letters known before …
  void Park();
  /// … and behind those of this batch, whose rows are taken out again.
  void ParkBehind(sql::Batch& rows);
  /// Place of an event among the changes; their number when it is none of them.
  std::size_t PlaceOf(Offset offset);
  Status MarkProduced(const sql::Batch& rows);
  Result<sql::Batch> Tombstones();
  bool NeedsTombstone(const ReadChange& change, bool produced) const;
  Status SetKey(sql::BatchBuilder& builder, const change::Event& event) const;

  const CompiledPipeline& pipeline_;
  const CompiledSink& sink_;
  const FieldHistory& history_;
  const Clock& clock_;
  const bool stops_at_drift_;
  ChangeReader reader_;
  std::unique_ptr<Transform> transform_;
  std::map<std::string, Version, std::less<>> blocked_;
  std::vector<bool> produced_;  ///< by place
};

}  // namespace millrace::pipeline
