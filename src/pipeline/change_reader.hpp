#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "change/codec.hpp"
#include "change/envelope.hpp"
#include "document_decoder.hpp"
#include "eventlog/event_log.hpp"
#include "lookup_state.hpp"
#include "pipeline/compile.hpp"
#include "sql/batch.hpp"

namespace millrace::pipeline {

/// What became of one event of a batch.
struct ReadChange {
  enum class Fate : std::uint8_t {
    kRow,      ///< in the relation
    kPassed,   ///< a delete that the SQL does not see
    kRefused,  ///< see `stage` and `reason`
  };
  Offset offset = 0;
  std::string_view body;
  bool parsed = false;  ///< `event` is there
  change::Event event;
  Version version;     ///< of the record's state: what decides which is newer
  TimestampUs at = 0;  ///< of the change
  Fate fate = Fate::kRow;
  const char* stage = "decode";
  std::string reason;
  bool field_gone = false;  ///< refused for a field that was removed or retyped
};

/// Since when a stream has had each field, so that a field that is not yet there can be
/// told from one that was removed.
class FieldHistory {
 public:
  /// `learns`: what it sees says something of the stream; mended events do not.
  FieldHistory(std::string stream, StateDb& state, bool learns = true)
      : stream_(std::move(stream)), state_(state), learns_(learns) {}
  Status Load();
  const std::string& stream() const { return stream_; }
  /// The document at `offset` has (lacks) the decoder's columns; the name of one that was
  /// there before and is gone, or empty.
  std::string_view Check(const DocumentDecoder& decoder, Offset offset);
  /// Stores what Check learnt.
  Status Save();

 private:
  std::string stream_;
  StateDb& state_;
  const bool learns_;
  std::map<std::string, Offset> first_;
  std::vector<std::string> learnt_;
  std::vector<Offset> by_slot_;  ///< as `first_`, in the order of the decoder's columns
};

/// Makes the relation of a batch of events: decodes what the SQL uses, and puts the rows
/// of its lookups beside it, as of each change. One thread.
class ChangeReader {
 public:
  struct UsedLookup {
    LookupState* state;
    std::vector<std::size_t> key_slots;  ///< of the change's decoded values
    bool now;
    std::uint64_t misses = 0;
  };
  ChangeReader(const CompiledPipeline& pipeline, const CompiledSink& sink,
               LookupSet& lookups, FieldHistory& history);

  /// Parses the envelopes, whose offsets ascend; gives the highest commit position.
  Position Parse(std::span<const eventlog::Record> records);
  /// The relation of what Parse saw; `changes()` says what became of each event. The
  /// lookups must have caught up. Errors are of the lookups' store.
  /// `now` is the batch's `_processed_at`.
  Result<sql::Batch> Read(TimestampUs now);
  std::vector<ReadChange>& changes() { return changes_; }
  std::vector<UsedLookup>& lookups() { return lookups_; }

 private:
  struct Source {  ///< where an input column's value is
    InputColumn::From from;
    std::size_t slot;
    std::size_t lookup;
    schema::Kind kind;
  };
  /// Changes that are worked on side by side, so that the misses of their lookups in the
  /// processor's cache overlap.
  static constexpr std::size_t kGroup = 16;
  struct Decoded {
    ReadChange* change = nullptr;
    std::vector<Value> values;
    std::vector<std::string> keys;  ///< by lookup; see `keyed`
    std::vector<std::uint64_t> hashes;
    std::vector<bool> keyed;
    std::deque<std::string> texts;  ///< of values that are not in the document
  };
  /// A stream's event becomes the change that its payload is.
  Status Translate(ReadChange& change);
  Status ReadGroup(std::span<ReadChange> changes);
  bool Decode(ReadChange& change, Decoded& into);
  void KeepTexts(std::string_view document, Decoded& into);
  void WarmLookups(std::size_t count);
  Result<bool> ReadRow(const Decoded& decoded);
  Status FindLookups(const Decoded& decoded);
  Status SetInput(const Decoded& decoded, std::size_t column, const Source& source);
  Status SetBefore(const change::Event& event, std::size_t column);
  static void Refuse(ReadChange& change, const char* stage, std::string reason);

  const CompiledPipeline& pipeline_;
  const CompiledSink& sink_;
  FieldHistory& history_;
  schema::Columns document_;
  DocumentDecoder decoder_;
  sql::BatchBuilder builder_;
  std::vector<Source> sources_;
  std::vector<UsedLookup> lookups_;
  std::vector<const LookupRow*> found_;  ///< of the current change, by lookup
  std::vector<ReadChange> changes_;
  std::array<Decoded, kGroup> group_;
  std::unique_ptr<change::Codec> codec_;       ///< none: events are changes
  std::deque<change::ForeignChange> foreign_;  ///< what the events' views point into
  TimestampUs now_ = 0;
  std::string scratch_;
};

}  // namespace millrace::pipeline
