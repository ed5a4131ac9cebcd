#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify_narrow.hpp"
#include "verify_stores.hpp"

/// Compares a sink with what its pipeline makes of the log when it runs again: for what
/// leaves rows out, computes its columns, or began later.
namespace millrace::app {

/// Both sides of a sink, by slice. Slices before `begin`, and from `end` on, were not
/// compared.
struct Comparison {
  std::vector<Slice> slices;
  SliceSums expected, found;
  std::size_t begin = 0, end = 0;
  std::optional<Offset> next;         ///< where the sink stood; nothing: not begun
  std::uint64_t waiting = 0;          ///< letters on their way into it
  std::vector<RowItem> wanted, have;  ///< rows of the slice that was listed
  bool Differs(std::size_t slice) const { return expected[slice] != found[slice]; }
  /// The first that differs; `end` where none does.
  std::size_t FirstDifference() const;
};

/// Rows of a lake that stand in a partition of their own.
struct PartRows {
  std::optional<StoreSum> sum;  ///< nothing: they were not compared
  std::vector<Finding> findings;
  std::vector<std::string> left_out;
  bool undefined = false;  ///< left out since the project lacks their definition
};

class SinkRerun {
 public:
  /// `info`: of the pipeline's stream, whose slices these are; with `snapshot`, whose
  /// rows are compared then, of the stream of its snapshots.
  SinkRerun(VerifyStores& stores, const SliceMap& slices,
            const eventlog::StreamInfo& info, const pipeline::StoredPipeline& pipeline,
            std::string sink, std::optional<pipeline::Snapshot> snapshot = {})
      : stores_(stores),
        slices_(slices),
        info_(info),
        pipeline_(pipeline),
        sink_(std::move(sink)),
        snapshot_(snapshot) {}

  /// Before the others. Gives why the sink cannot be compared so; empty: it can.
  Result<std::string> Open();
  /// Whether the project has the definition that ran last; after Open.
  bool defined() const {
    return compiled_sink_ != nullptr && compiled_->hash == pipeline_.hash;
  }
  /// What is compared with less than everything, a sentence each.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Those of the notes that are of columns.
  const std::vector<std::string>& columns_left_out() const { return columns_left_out_; }

  /// From the slice of the position behind `after` on; `keyed`: the newest of each key is
  /// found out (100 bytes a key), else each event must have a key of its own. `list`: a
  /// slice whose rows are wanted.
  Result<Comparison> Table(const std::string& table, std::uint64_t after, bool keyed,
                           std::optional<std::size_t> list);
  /// Slices of [from, end), by files instead of times where the files have no offsets.
  /// `list`: rows of `from` are wanted.
  Result<Comparison> Lake(const lake::LakeExtent& extent, const Refused& refused,
                          std::size_t from, std::size_t end, bool list);
  /// Of rows of a table behind a codec.
  NameOfRow CodecNames() const;
  /// Of rows of a lake that were listed.
  NameOfRow LakeNames() const;

  /// Whether the letter's event was refused, and redriven, by the definition of now.
  bool IsOfDefinition(const SentLetter& letter) const;
  /// Of the others nothing is given.
  Status RunSent(std::vector<SentLetter> letters, const PipelineRerun::Each& each);
  const std::vector<std::string>& columns() const { return columns_; }
  /// Of the event in the pipeline's stream; nothing: it cannot be told.
  Result<std::optional<std::uint64_t>> PositionAt(Offset offset);

  bool of_codec() const { return !compiled_->definition.codec.empty(); }

 private:
  /// Slices of a lake: by time, or its files.
  struct Units {
    std::vector<Slice> slices;
    std::vector<Offset> firsts;      ///< and where the last ends
    std::vector<std::string> files;  ///< empty: rows have their offset
    std::size_t IndexOf(Offset offset) const;
  };
  std::string WhyNot();
  Result<std::optional<pipeline::Snapshot>> BegunWith();
  void ChooseColumns(const std::vector<std::string>& has);
  Result<Units> UnitsOf(const lake::LakeExtent& extent);
  Status FindRows(const lake::LakeExtent& extent, const Units& units,
                  std::optional<std::size_t> list, Comparison& out);
  Status MakeRows(const lake::LakeExtent& extent, const Refused& refused,
                  const Units& units, std::optional<std::size_t> list, Comparison& out);
  /// The last position that is not compared in a table.
  Result<std::uint64_t> Floor(Offset begin);

  VerifyStores& stores_;
  const SliceMap& slices_;
  const eventlog::StreamInfo& info_;
  const pipeline::StoredPipeline& pipeline_;
  const std::string sink_;
  const std::optional<pipeline::Snapshot> snapshot_;
  std::optional<pipeline::Snapshot> begun_with_;  ///< where the definition begins
  PipelineRerun* rerun_ = nullptr;
  const pipeline::CompiledPipeline* compiled_ = nullptr;
  const pipeline::CompiledSink* compiled_sink_ = nullptr;
  std::vector<std::string> columns_;  ///< that are compared
  std::vector<pipeline::UsedDefinition> definitions_;
  Offset since_ = 0;    ///< of what is compared
  Offset defined_ = 0;  ///< first event of the definition
  std::vector<std::string> notes_, columns_left_out_;
};

}  // namespace millrace::app
