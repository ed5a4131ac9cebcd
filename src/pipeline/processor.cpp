#include "processor.hpp"

#include <simdjson.h>

#include <algorithm>

#include "schema/record_codec.hpp"

namespace millrace::pipeline {
namespace {

using Fate = ReadChange::Fate;

/// Lag is measured on this many events of a batch at most.
constexpr std::size_t kSamples = 32;

bool HasEscapes(const change::Event& event) {
  return event.key_json.find('\\') != std::string_view::npos;
}

std::string KeyText(const change::Event& event) {
  if (!HasEscapes(event)) return std::string(event.key);
  simdjson::dom::parser parser;
  std::string_view text;
  const auto parsed = parser.parse(simdjson::padded_string(event.key_json)).get(text);
  return std::string(parsed == simdjson::SUCCESS ? text : event.key);
}

}  // namespace

Result<std::unique_ptr<Processor>> Processor::Open(
    const CompiledPipeline& pipeline, const CompiledSink& sink, LookupSet& lookups,
    FieldHistory& history, sql::Engine& engine, const Clock& clock, bool stops_at_drift) {
  std::unique_ptr<Processor> made(
      new Processor(pipeline, sink, lookups, history, clock, stops_at_drift));
  MR_TRY(made->transform_, Transform::Open(pipeline, sink, engine));
  return made;
}

DeadLetter Processor::LetterOf(const ReadChange& change, const char* stage,
                               std::string reason) const {
  DeadLetter letter;
  letter.pipeline = pipeline_.definition.name;
  letter.sink = sink_.name;
  letter.stream = history_.stream();
  letter.offset = change.offset;
  letter.stage = stage;
  letter.reason = std::move(reason);
  letter.payload = change.body;
  letter.at = clock_.Now();
  if (change.parsed) {
    AppendEventId(letter.event_id, change.event.source, change.event.version);
    letter.version = change.version.ToHex();
    letter.seen = change.event.seen().ToHex();
    letter.key = KeyText(change.event);
  } else {
    letter.event_id = letter.stream + "@" + std::to_string(change.offset);
  }
  return letter;
}

Status Processor::CheckDrift() {
  if (!stops_at_drift_ ||
      pipeline_.definition.on_removed_field != project::OnRemovedField::kStop) {
    return {};
  }
  for (const ReadChange& change : reader_.changes()) {
    if (change.fate != Fate::kRefused || !change.field_gone) continue;
    return Fail(ErrorCode::kInvalidArgument, "field_removed: " + change.reason +
                                                 " (offset " +
                                                 std::to_string(change.offset) + ")");
  }
  return {};
}

std::size_t Processor::PlaceOf(Offset offset) {
  const std::vector<ReadChange>& changes = reader_.changes();
  // Where there are no gaps it is known without a search.
  const Offset guess = offset - changes.front().offset;
  if (guess < changes.size() && changes[guess].offset == offset) return guess;
  const auto found = std::ranges::lower_bound(changes, offset, {}, &ReadChange::offset);
  if (found == changes.end() || found->offset != offset) return changes.size();
  return static_cast<std::size_t>(found - changes.begin());
}

bool Processor::IsBlocked(const ReadChange& change) const {
  if (!change.parsed || blocked_.empty()) return false;
  const auto found = blocked_.find(KeyText(change.event));
  return found != blocked_.end() && found->second < change.version;
}

void Processor::Park() {
  for (ReadChange& change : reader_.changes()) {
    if (change.fate == Fate::kRefused || !IsBlocked(change)) continue;
    change.fate = Fate::kRefused;
    change.stage = "parked";
    change.reason = "an earlier change of this record is a dead letter";
  }
}

void Processor::ParkBehind(sql::Batch& rows) {
  std::vector<ReadChange>& changes = reader_.changes();
  bool parked = false;
  for (ReadChange& change : changes) {
    if (change.fate == Fate::kRefused) {
      if (change.parsed) blocked_.emplace(KeyText(change.event), change.version);
    } else if (IsBlocked(change)) {
      parked = true;
      change.fate = Fate::kRefused;
      change.stage = "parked";
      change.reason = "an earlier change of this record is a dead letter";
    }
  }
  if (!parked) return;
  std::vector<std::uint32_t> stay;
  const auto column = static_cast<std::size_t>(rows.Find("_offset"));
  for (std::uint32_t row = 0; row < rows.rows(); ++row) {
    const std::size_t place = PlaceOf(static_cast<Offset>(rows.Int64(column, row)));
    if (place < changes.size() && changes[place].fate != Fate::kRefused) {
      stay.push_back(row);
    }
  }
  rows = rows.Select(stay);
}

Result<Processed> Processor::Finish() {
  Processed out;
  const bool parks = pipeline_.definition.on_error == project::OnError::kParkKey;
  if (parks) Park();
  MR_TRY(auto input, reader_.Read(clock_.Now()));
  std::vector<ReadChange>& changes = reader_.changes();
  MR_CHECK_OK(CheckDrift());
  MR_TRY(auto transformed, transform_->Run(std::move(input)));
  for (FailedRow& row : transformed.failed) {
    ReadChange& change = changes[PlaceOf(row.offset)];
    change.fate = Fate::kRefused;
    change.stage = row.stage;
    change.reason = std::move(row.reason);
  }
  if (parks) ParkBehind(transformed.rows);
  MR_CHECK_OK(MarkProduced(transformed.rows));
  for (ReadChange& change : changes) {
    if (change.fate != Fate::kRefused) continue;
    out.letters.push_back(LetterOf(change, change.stage, std::move(change.reason)));
  }
  out.batch.rows = std::move(transformed.rows);
  if (sink_.is_table) {
    MR_TRY(out.batch.tombstones, Tombstones());
  }
  const std::size_t step = changes.size() / kSamples + 1;
  for (std::size_t i = 0; i < changes.size(); i += step) {
    if (changes[i].parsed) out.committed_at.push_back(changes[i].event.committed_at);
  }
  if (!pipeline_.definition.codec.empty() && !stops_at_drift_) {
    for (const ReadChange& change : changes) {
      if (change.fate == Fate::kRefused) continue;
      out.became[change.offset] = {KeyText(change.event), change.version};
    }
  }
  for (const ReadChange& change : changes) {
    if (!change.parsed) continue;
    out.batch.last_version = change.event.version;
    out.seen = change.event.seen();
  }
  return out;
}

Status Processor::MarkProduced(const sql::Batch& rows) {
  const std::size_t size = reader_.changes().size();
  produced_.assign(size, false);
  const auto column = static_cast<std::size_t>(rows.Find("_offset"));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto offset = static_cast<Offset>(rows.Int64(column, row));
    const std::size_t at = PlaceOf(offset);
    if (at >= size || produced_[at]) {
      return Fail(
          ErrorCode::kInternal,
          "duplicate_rows: the SQL gave two rows for offset " + std::to_string(offset));
    }
    produced_[at] = true;
  }
  return {};
}

bool Processor::NeedsTombstone(const ReadChange& change, bool produced) const {
  if (produced || change.fate == Fate::kRefused) return false;
  if (change.fate == Fate::kPassed) {
    return sink_.on_delete == project::OnDelete::kDelete;
  }
  // A new record that the filter leaves out has no row under its key, unless an earlier
  // one of that key was kept when it was deleted.
  return change.event.op != 'c' || sink_.on_delete != project::OnDelete::kDelete;
}

Status Processor::SetKey(sql::BatchBuilder& builder, const change::Event& event) const {
  const schema::Type& type = pipeline_.collection.key_field().type;
  if (type.kind == schema::Kind::kText && !HasEscapes(event)) {
    builder.SetText(0, event.key);
    return {};
  }
  return builder.SetLiteral(0,
                            schema::FindMember(event.image(), pipeline_.collection.key));
}

Result<sql::Batch> Processor::Tombstones() {
  schema::Columns columns{{sink_.key, pipeline_.collection.key_field().type},
                          {"_offset", schema::Type::Simple(schema::Kind::kBigint)},
                          {"_version", schema::Type::Simple(schema::Kind::kText)}};
  std::vector<const ReadChange*> gone;
  const std::vector<ReadChange>& changes = reader_.changes();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (NeedsTombstone(changes[i], produced_[i])) gone.push_back(&changes[i]);
  }
  sql::BatchBuilder builder(std::move(columns), gone.size());
  std::string version;
  for (const ReadChange* change : gone) {
    MR_CHECK_OK(SetKey(builder, change->event));
    builder.SetInt(1, static_cast<std::int64_t>(change->offset));
    version.clear();
    change->version.AppendHex(version);
    builder.SetText(2, version);
    builder.EndRow();
  }
  return builder.Finish();
}

}  // namespace millrace::pipeline
