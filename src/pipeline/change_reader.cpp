#include "change_reader.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>

#include "pipeline/foreign_record.hpp"
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

Result<change::ForeignChange> DecodeForeign(change::Codec& codec,
                                            const change::Event& event) {
  const auto payload = schema::FindMember(event.after, "payload");
  if (!payload.starts_with('"')) {
    return Fail(ErrorCode::kInvalidArgument, "the payload is not UTF-8");
  }
  return codec.Decode(schema::TextOf(payload));
}

Version ForeignVersion(const Version& event, const change::ForeignChange& foreign,
                       TimestampUs at) {
  // What came twice is the same state again: then, and where the source tells no more
  // than seconds, the last to come counts.
  return {event.epoch, foreign.order != 0 ? foreign.order : change::OrderOf(at),
          static_cast<std::uint32_t>(std::min<std::uint64_t>(
              event.position, std::numeric_limits<std::uint32_t>::max()))};
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
    if (!here || by_slot_[i] <= offset || !learns_) continue;
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
  if (!pipeline.definition.codec.empty()) {
    // Its name was checked when the pipeline was compiled.
    codec_ = change::MakeCodec(pipeline.definition.codec, pipeline.collection)
                 .value_or(nullptr);
  }
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

Position ChangeReader::Parse(std::span<const eventlog::Record> records) {
  Position last;
  changes_.clear();
  foreign_.clear();
  changes_.reserve(records.size());
  for (const eventlog::Record& record : records) {
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
    change.version = event->version;
    change.at = event->committed_at;
    last = std::max(last, Position{event->seen().epoch, event->seen().position});
    if (codec_ == nullptr) continue;
    if (auto translated = Translate(change); !translated) {
      Refuse(change, "decode", translated.error().message());
    }
  }
  return last;
}

Status ChangeReader::Translate(ReadChange& change) {
  change::Event& event = change.event;
  MR_TRY(auto decoded, DecodeForeign(*codec_, event));
  const change::ForeignChange& foreign = foreign_.emplace_back(std::move(decoded));
  event.op = foreign.op;
  event.operation = foreign.operation;
  event.key = foreign.key;
  event.key_json = {};
  event.before = event.op == 'd' ? std::string_view(foreign.image) : std::string_view();
  event.after = event.op == 'd' ? std::string_view() : std::string_view(foreign.image);
  if (foreign.at != 0) change.at = foreign.at;
  change.version = ForeignVersion(event.version, foreign, change.at);
  return {};
}

Result<std::optional<ForeignRecord>> ReadForeign(const project::Pipeline& pipeline,
                                                 const schema::Collection& collection,
                                                 std::string_view body) {
  if (pipeline.codec.empty()) return std::nullopt;
  MR_TRY(const auto codec, change::MakeCodec(pipeline.codec, collection));
  MR_TRY(const auto event, change::ParseEnvelope(body));
  MR_TRY(const auto foreign, DecodeForeign(*codec, event));
  const auto at = foreign.at != 0 ? foreign.at : event.committed_at;
  return ForeignRecord{foreign.key, ForeignVersion(event.version, foreign, at),
                       foreign.op};
}

Result<sql::Batch> ChangeReader::Read(TimestampUs now) {
  now_ = now;
  std::vector<std::unique_lock<std::mutex>> locks;
  std::vector<LookupState*> states;
  for (const UsedLookup& lookup : lookups_) states.push_back(lookup.state);
  // One order for all lanes, each state once.
  std::ranges::sort(states);
  const auto again = std::ranges::unique(states);
  states.erase(again.begin(), again.end());
  for (LookupState* state : states) locks.push_back(state->Lock());
  const std::span<ReadChange> all(changes_);
  for (std::size_t at = 0; at < all.size(); at += kGroup) {
    auto read = ReadGroup(all.subspan(at, std::min(kGroup, all.size() - at)));
    if (read) continue;
    builder_.AbandonRow();
    static_cast<void>(builder_.Finish());
    return std::unexpected(std::move(read).error());
  }
  return builder_.Finish();
}

Status ChangeReader::ReadGroup(std::span<ReadChange> changes) {
  std::size_t count = 0;
  for (ReadChange& change : changes) {
    if (change.fate == ReadChange::Fate::kRefused) continue;
    if (change.event.op == 'd' && !sink_.takes_deletes) {
      change.fate = ReadChange::Fate::kPassed;
    } else if (Decode(change, group_[count])) {
      ++count;
    }
  }
  WarmLookups(count);
  for (std::size_t i = 0; i < count; ++i) {
    MR_TRY(const bool row, ReadRow(group_[i]));
    if (row) {
      builder_.EndRow();
    } else {
      builder_.AbandonRow();
    }
  }
  return {};
}

void ChangeReader::Refuse(ReadChange& change, const char* stage, std::string reason) {
  change.fate = ReadChange::Fate::kRefused;
  change.stage = stage;
  change.reason = std::move(reason);
}

bool ChangeReader::Decode(ReadChange& change, Decoded& into) {
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
  into.change = &change;
  into.values = decoder_.values();
  KeepTexts(image, into);
  into.keys.resize(lookups_.size());
  into.hashes.resize(lookups_.size());
  into.keyed.resize(lookups_.size());
  for (std::size_t i = 0; i < lookups_.size(); ++i) {
    std::string& key = into.keys[i];
    key.clear();
    into.keyed[i] = std::ranges::all_of(lookups_[i].key_slots, [&](std::size_t slot) {
      return AppendKey(key, into.values[slot]);
    });
    into.hashes[i] = LookupCache::HashOf(key);
  }
  return true;
}

void ChangeReader::KeepTexts(std::string_view document, Decoded& into) {
  into.texts.clear();
  const std::less<> before;
  for (Value& value : into.values) {
    if (!value.has_view()) continue;
    const char* at = value.text.data;
    if (!before(at, document.data()) && before(at, document.data() + document.size())) {
      continue;
    }
    into.texts.emplace_back(value.view());
    value.text.data = into.texts.back().data();
  }
}

void ChangeReader::WarmLookups(std::size_t count) {
  for (std::size_t lookup = 0; lookup < lookups_.size(); ++lookup) {
    for (int step = 0; step < 4; ++step) {
      for (std::size_t i = 0; i < count; ++i) {
        lookups_[lookup].state->Warm(group_[i].hashes[lookup], step);
      }
    }
  }
}

Result<bool> ChangeReader::ReadRow(const Decoded& decoded) {
  ReadChange& change = *decoded.change;
  MR_CHECK_OK(FindLookups(decoded));
  if (change.fate == ReadChange::Fate::kRefused) return false;
  change.fate = ReadChange::Fate::kRow;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (auto set = SetInput(decoded, i, sources_[i]); !set) {
      change.field_gone = sources_[i].from == From::kField;
      Refuse(change, "decode",
             "field " + pipeline_.input[i].name + ": " + set.error().message());
      return false;
    }
  }
  return true;
}

Status ChangeReader::FindLookups(const Decoded& decoded) {
  ReadChange& change = *decoded.change;
  for (std::size_t i = 0; i < lookups_.size(); ++i) {
    UsedLookup& lookup = lookups_[i];
    found_[i] = nullptr;
    if (decoded.keyed[i]) {
      MR_TRY(found_[i],
             lookup.state->Find(decoded.keys[i], change.event.seen(), lookup.now));
    }
    if (found_[i] == nullptr) {
      ++lookup.misses;
    } else if (found_[i]->broken() != nullptr) {
      Refuse(change, "lookup", pipeline_.lookups[i].name + ": " + *found_[i]->broken());
      return {};
    }
  }
  return {};
}

Status ChangeReader::SetInput(const Decoded& decoded, std::size_t column,
                              const Source& source) {
  const change::Event& event = decoded.change->event;
  switch (source.from) {
    case From::kField:
      return SetColumn(builder_, column, source.kind, decoded.values[source.slot]);
    case From::kLookup: {
      const LookupRow* row = found_[source.lookup];
      if (row != nullptr) {
        return SetColumn(builder_, column, source.kind, row->value(source.slot));
      }
      builder_.SetNull(column);
      return {};
    }
    case From::kFound:
      builder_.SetBool(column, found_[source.lookup] != nullptr);
      return {};
    case From::kOffset:
      builder_.SetInt(column, static_cast<std::int64_t>(decoded.change->offset));
      return {};
    case From::kVersion:
      scratch_.clear();
      decoded.change->version.AppendHex(scratch_);
      builder_.SetText(column, scratch_);
      return {};
    case From::kOp:
      builder_.SetText(column, std::string_view(&event.op, 1));
      return {};
    case From::kOperation:
      builder_.SetText(column, event.operation);
      return {};
    case From::kTime:
      builder_.SetInt(column, decoded.change->at);
      return {};
    case From::kProcessed:
      builder_.SetInt(column, now_);
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
