#include "change_reader.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "schema/record_codec.hpp"

namespace millrace::pipeline {
namespace {

using From = InputColumn::From;
constexpr Offset kNever = std::numeric_limits<Offset>::max();

/// Document columns that the input or a lookup's condition needs, ascending.
std::vector<std::size_t> NeededColumns(const CompiledPipeline& pipeline) {
  std::set<std::size_t> needed;
  for (const InputColumn& column : pipeline.input) {
    if (column.from == From::kField) needed.insert(column.index);
  }
  for (const CompiledLookup& lookup : pipeline.lookups) {
    for (const auto& [own, change] : lookup.on) needed.insert(change);
  }
  return {needed.begin(), needed.end()};
}

std::size_t SlotOf(const DocumentDecoder& decoder, std::size_t column) {
  return static_cast<std::size_t>(std::ranges::find(decoder.columns(), column) -
                                  decoder.columns().begin());
}

}  // namespace

Status FieldHistory::Load() {
  MR_TRY(first_, state_.Fields(stream_));
  by_slot_.clear();
  return {};
}

std::string_view FieldHistory::Check(const DocumentDecoder& decoder, Offset offset) {
  const std::size_t size = decoder.columns().size();
  while (by_slot_.size() < size) {
    const auto known = first_.find(decoder.column(by_slot_.size()).name);
    by_slot_.push_back(known == first_.end() ? kNever : known->second);
  }
  for (std::size_t i = 0; i < size; ++i) {
    const bool here = decoder.present()[i];
    if (!here && by_slot_[i] < offset) return decoder.column(i).name;
    if (!here || by_slot_[i] <= offset) continue;
    by_slot_[i] = offset;
    first_[decoder.column(i).name] = offset;
    learnt_.push_back(decoder.column(i).name);
  }
  return {};
}

Status FieldHistory::Save() {
  for (const std::string& field : learnt_) {
    MR_CHECK_OK(state_.SetField(stream_, field, first_[field]));
  }
  learnt_.clear();
  return {};
}

ChangeReader::ChangeReader(const CompiledPipeline& pipeline, const CompiledSink& sink,
                           LookupSet& lookups, FieldHistory& history)
    : pipeline_(pipeline),
      sink_(sink),
      history_(history),
      document_(pipeline.collection.DocumentColumns()),
      decoder_(pipeline.collection, NeededColumns(pipeline)),
      builder_(pipeline.InputColumns(), pipeline.definition.max_rows),
      found_(pipeline.lookups.size()) {
  for (const CompiledLookup& lookup : pipeline.lookups) {
    UsedLookup used{&lookups.Of(lookup), {}, lookup.as_of_now, 0};
    // The state's key has its columns in ascending order.
    auto on = lookup.on;
    std::ranges::sort(on);
    for (const auto& [own, change] : on)
      used.key_slots.push_back(SlotOf(decoder_, change));
    lookups_.push_back(std::move(used));
  }
  for (const InputColumn& column : pipeline.input) {
    std::size_t slot = 0;
    if (column.from == From::kField) slot = SlotOf(decoder_, column.index);
    if (column.from == From::kLookup) {
      slot = lookups_[column.lookup].state->SlotOf(column.index);
    }
    sources_.push_back({column.from, slot, column.lookup, column.type.kind});
  }
}

Position ChangeReader::Parse(const eventlog::RecordBatch& batch) {
  Position last;
  changes_.clear();
  changes_.reserve(batch.records().size());
  for (const eventlog::Record& record : batch.records()) {
    ReadChange& change = changes_.emplace_back();
    change.offset = record.offset;
    change.body = record.body;
    auto event = change::ParseEnvelope(record.body);
    if (!event) {
      Refuse(change, "decode", event.error().message());
      continue;
    }
    change.parsed = true;
    change.event = *event;
    last = std::max(last, Position{event->version.epoch, event->version.position});
  }
  return last;
}

Result<sql::Batch> ChangeReader::Read() {
  std::vector<std::unique_lock<std::mutex>> locks;
  std::vector<LookupState*> states;
  for (const UsedLookup& lookup : lookups_) states.push_back(lookup.state);
  // One order for all lanes, each state once.
  std::ranges::sort(states);
  const auto again = std::ranges::unique(states);
  states.erase(again.begin(), again.end());
  for (LookupState* state : states) locks.push_back(state->Lock());
  for (ReadChange& change : changes_) {
    if (change.fate == ReadChange::Fate::kRefused) continue;
    if (change.event.op == 'd' && !sink_.takes_deletes) {
      change.fate = ReadChange::Fate::kPassed;
      continue;
    }
    auto row = ReadRow(change);
    if (!row) {
      builder_.AbandonRow();
      builder_.Finish();
      return std::unexpected(std::move(row).error());
    }
    if (*row) {
      change.fate = ReadChange::Fate::kRow;
      builder_.EndRow();
    } else {
      builder_.AbandonRow();
    }
  }
  return builder_.Finish();
}

void ChangeReader::Refuse(ReadChange& change, const char* stage, std::string reason) {
  change.fate = ReadChange::Fate::kRefused;
  change.stage = stage;
  change.reason = std::move(reason);
}

Result<bool> ChangeReader::ReadRow(ReadChange& change) {
  const std::string_view image = change.event.image();
  if (image.empty()) {
    Refuse(change, "decode", "the event has no document");
    return false;
  }
  if (auto drift = decoder_.Decode(image)) {
    change.field_gone = !drift->field.empty();
    Refuse(change, "decode", std::move(drift->reason));
    return false;
  }
  if (const auto gone = history_.Check(decoder_, change.offset); !gone.empty()) {
    change.field_gone = true;
    Refuse(change, "decode", "field " + std::string(gone) + ": removed upstream");
    return false;
  }
  MR_CHECK_OK(FindLookups(change));
  if (change.fate == ReadChange::Fate::kRefused) return false;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (auto set = SetInput(change, i, sources_[i]); !set) {
      change.field_gone = sources_[i].from == From::kField;
      Refuse(change, "decode",
             "field " + pipeline_.input[i].name + ": " + set.error().message());
      return false;
    }
  }
  return true;
}

Status ChangeReader::FindLookups(ReadChange& change) {
  for (std::size_t i = 0; i < lookups_.size(); ++i) {
    UsedLookup& lookup = lookups_[i];
    scratch_.clear();
    const bool keyed = std::ranges::all_of(lookup.key_slots, [&](std::size_t slot) {
      return AppendKey(scratch_, decoder_.values()[slot]);
    });
    found_[i] = nullptr;
    if (keyed) {
      MR_TRY(found_[i], lookup.state->Find(scratch_, change.event.version, lookup.now));
    }
    if (found_[i] == nullptr) {
      ++lookup.misses;
    } else if (!found_[i]->broken.empty()) {
      Refuse(change, "lookup", pipeline_.lookups[i].name + ": " + found_[i]->broken);
      return {};
    }
  }
  return {};
}

Status ChangeReader::SetInput(const ReadChange& change, std::size_t column,
                              const Source& source) {
  const change::Event& event = change.event;
  switch (source.from) {
    case From::kField:
      return SetColumn(builder_, column, source.kind, decoder_.values()[source.slot]);
    case From::kLookup: {
      const LookupRow* row = found_[source.lookup];
      if (row != nullptr) {
        return SetColumn(builder_, column, source.kind, row->values[source.slot]);
      }
      builder_.SetNull(column);
      return {};
    }
    case From::kFound:
      builder_.SetBool(column, found_[source.lookup] != nullptr);
      return {};
    case From::kOffset:
      builder_.SetInt(column, static_cast<std::int64_t>(change.offset));
      return {};
    case From::kVersion:
      scratch_.clear();
      event.version.AppendHex(scratch_);
      builder_.SetText(column, scratch_);
      return {};
    case From::kOp:
      builder_.SetText(column, std::string_view(&event.op, 1));
      return {};
    case From::kOperation:
      builder_.SetText(column, event.operation);
      return {};
    case From::kTime:
      builder_.SetInt(column, event.committed_at);
      return {};
    case From::kId:
      scratch_.clear();
      AppendEventId(scratch_, event.source, event.version);
      builder_.SetText(column, scratch_);
      return {};
    case From::kBefore:
      return SetBefore(event, column);
  }
  return {};
}

Status ChangeReader::SetBefore(const change::Event& event, std::size_t column) {
  if (event.before.empty()) {
    builder_.SetNull(column);
    return {};
  }
  scratch_ = "{";
  for (const schema::TypedName& field : document_) {
    const std::string_view literal = schema::FindMember(event.before, field.name);
    scratch_ += scratch_.size() > 1 ? ",\"" : "\"";
    scratch_ += field.name;
    scratch_ += "\":";
    scratch_ += literal.empty() ? std::string_view("null") : literal;
  }
  scratch_ += '}';
  return builder_.SetLiteral(column, scratch_);
}

}  // namespace millrace::pipeline
