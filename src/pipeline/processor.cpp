#include "processor.hpp"

#include <simdjson.h>

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
    FieldHistory& history, sql::Engine& engine, const Clock& clock) {
  std::unique_ptr<Processor> made(new Processor(pipeline, sink, lookups, history, clock));
  MR_TRY(made->transform_, Transform::Open(pipeline, sink, engine));
  return made;
}

DeadLetter Processor::LetterOf(const ReadChange& change, const char* stage,
                               std::string reason) const {
  DeadLetter letter;
  letter.pipeline = pipeline_.definition.name;
  letter.sink = sink_.name;
  letter.stream = pipeline_.stream();
  letter.offset = change.offset;
  letter.stage = stage;
  letter.reason = std::move(reason);
  letter.payload = change.body;
  letter.at = clock_.Now();
  if (change.parsed) {
    AppendEventId(letter.event_id, change.event.source, change.event.version);
    letter.version = change.version.ToHex();
    letter.key = KeyText(change.event);
  } else {
    letter.event_id = letter.stream + "@" + std::to_string(change.offset);
  }
  return letter;
}

Result<Processed> Processor::Finish(const eventlog::RecordBatch& batch) {
  const Offset first = batch.records().front().offset;
  Processed out;
  MR_TRY(auto input, reader_.Read(clock_.Now()));
  std::vector<ReadChange>& changes = reader_.changes();
  const bool stop =
      pipeline_.definition.on_removed_field == project::OnRemovedField::kStop;
  for (const ReadChange& change : changes) {
    if (change.fate != Fate::kRefused || !change.field_gone || !stop) continue;
    return Fail(ErrorCode::kInvalidArgument, "field_removed: " + change.reason +
                                                 " (offset " +
                                                 std::to_string(change.offset) + ")");
  }
  MR_TRY(auto transformed, transform_->Run(std::move(input)));
  for (FailedRow& row : transformed.failed) {
    ReadChange& change = changes[row.offset - first];
    change.fate = Fate::kRefused;
    change.stage = row.stage;
    change.reason = std::move(row.reason);
  }
  MR_CHECK_OK(MarkProduced(transformed.rows, first, changes.size()));
  for (ReadChange& change : changes) {
    if (change.fate != Fate::kRefused) continue;
    out.letters.push_back(LetterOf(change, change.stage, std::move(change.reason)));
  }
  out.batch.rows = std::move(transformed.rows);
  if (sink_.is_table) {
    MR_TRY(out.batch.tombstones, Tombstones(first));
  }
  out.batch.first = first;
  out.batch.next = batch.next();
  const std::size_t step = changes.size() / kSamples + 1;
  for (std::size_t i = 0; i < changes.size(); i += step) {
    if (changes[i].parsed) out.committed_at.push_back(changes[i].event.committed_at);
  }
  for (const ReadChange& change : changes) {
    if (!change.parsed) continue;
    out.batch.last_version = change.event.version;
    out.seen = change.event.seen();
  }
  return out;
}

Status Processor::MarkProduced(const sql::Batch& rows, Offset first, std::size_t size) {
  produced_.assign(size, false);
  const auto column = static_cast<std::size_t>(rows.Find("_offset"));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto at = static_cast<Offset>(rows.Int64(column, row)) - first;
    if (at >= size || produced_[at]) {
      return Fail(ErrorCode::kInternal,
                  "duplicate_rows: the SQL gave two rows for offset " +
                      std::to_string(at + first));
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

Result<sql::Batch> Processor::Tombstones(Offset first) {
  schema::Columns columns{{sink_.key, pipeline_.collection.key_field().type},
                          {"_offset", schema::Type::Simple(schema::Kind::kBigint)},
                          {"_version", schema::Type::Simple(schema::Kind::kText)}};
  std::vector<const ReadChange*> gone;
  for (const ReadChange& change : reader_.changes()) {
    if (NeedsTombstone(change, produced_[change.offset - first])) gone.push_back(&change);
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
