#include <algorithm>

#include "lake/lake_lookup.hpp"
#include "pipeline/foreign_record.hpp"
#include "trace_event.hpp"

namespace millrace::app {
namespace {

constexpr std::string_view kTable = "table.";
constexpr std::string_view kLake = "lake.";

/// The id under which a pipeline keeps letters of the event.
std::string LetterId(const TracedEvent& event) {
  if (!event.id.source.empty()) return event.id.ToString();
  return event.stream + "@" + std::to_string(event.offset.value_or(0));
}

/// Of a key's row, or tombstone, in a table that is past the event.
std::string ResultOf(const std::optional<warehouse::RowVersion>& row,
                     const pipeline::ForeignRecord& change) {
  const auto version = row ? row->version : Version{};
  // An insert without a row leaves no tombstone: there was nothing to take away.
  if (version < change.version) return change.op == 'c' ? "filtered" : "missing";
  if (version > change.version) return "superseded";
  if (!row->deleted) return "row";
  return change.op == 'd' ? "deleted" : "filtered";
}

/// Null: the pipeline reads changes as they are, or it is not known.
const project::Pipeline* FindForeign(const TraceStores& stores, const std::string& name) {
  const auto* const project = stores.project();
  if (project == nullptr) return nullptr;
  const auto found =
      std::ranges::find(project->pipelines, name, &project::Pipeline::name);
  return found == project->pipelines.end() || found->codec.empty() ? nullptr : &*found;
}

/// What the event is a change of for this pipeline; without a key: that cannot be told.
Result<pipeline::ForeignRecord> ChangeOf(const TraceStores& stores,
                                         const std::string& pipeline,
                                         const TracedEvent& event) {
  const auto* const foreign = FindForeign(stores, pipeline);
  if (foreign == nullptr) {
    const Version version{event.id.version.epoch, event.id.version.position, 0};
    return pipeline::ForeignRecord{event.key, version, event.op};
  }
  const auto& collections = stores.project()->collections;
  const auto collection = collections.find(foreign->collection);
  if (collection == collections.end() || !event.offset || event.log == "gone") {
    return pipeline::ForeignRecord();
  }
  MR_TRY(const auto batch, stores.log.Read({"", event.stream}, *event.offset, 1, 1));
  if (batch.empty()) return pipeline::ForeignRecord();
  const auto read =
      pipeline::ReadForeign(*foreign, collection->second, batch.records().front().body);
  return read && *read ? **read : pipeline::ForeignRecord();
}

Status TraceTable(const TraceStores& stores, const std::string& pipeline,
                  const TracedEvent& event, SinkTrace& trace) {
  const bool gone = event.log == "gone";
  if (!gone && (!event.offset || *event.offset >= trace.sink.position)) {
    trace.result = trace.sink.started ? "waiting" : "not_started";
    return {};
  }
  MR_TRY(const auto change, ChangeOf(stores, pipeline, event));
  if (change.key.empty()) {
    trace.result = "unknown";
    return {};
  }
  auto row = stores.warehouse.FindKey(trace.sink.name.substr(kTable.size()), change.key,
                                      Deadline::Never());
  if (!row && row.error().code() != ErrorCode::kNotFound &&
      row.error().code() != ErrorCode::kInvalidArgument) {
    return Fail(std::move(row).error());
  }
  if (row && *row) trace.version = (*row)->version;
  // Rows of changes have one of a commit; behind a codec an ordinal tells events apart.
  if (row && *row && FindForeign(stores, pipeline) == nullptr)
    (*row)->version.ordinal = 0;
  trace.result = row ? ResultOf(*row, change) : "unknown";
  return {};
}

Status TraceLake(const TraceStores& stores, const TracedEvent& event, SinkTrace& trace) {
  const auto folder = lake::FolderOf(stores.lake, trace.sink.name.substr(kLake.size()));
  if (!folder && folder.error().code() != ErrorCode::kNotFound) {
    return Fail(folder.error());
  }
  if (!folder || !event.offset) {
    trace.result = !folder ? "not_started" : event.log == "gone" ? "unknown" : "waiting";
    return {};
  }
  MR_TRY(const auto session, stores.engine.Connect());
  MR_TRY(const auto place,
         lake::FindOffset(stores.lake, *session, *folder, 0, *event.offset));
  using Where = lake::OffsetPlace::Where;
  trace.file = place.file;
  trace.first = place.first;
  trace.next = place.next;
  switch (place.where) {
    case Where::kBefore:
      trace.result = "before_start";
      break;
    case Where::kBeyond:
      trace.result = "waiting";
      break;
    case Where::kInFile:
      trace.result = !place.rows       ? "in_file"
                     : place.rows == 0 ? "no_row"
                     : place.rows == 1 ? "row"
                                       : "doubled";
  }
  return {};
}

}  // namespace

Result<SinkTrace> TraceSink(const TraceStores& stores, const PipelineState& pipeline,
                            const SinkState& sink, const TracedEvent& event) {
  SinkTrace trace;
  trace.sink = sink;
  if (stores.state != nullptr) {
    MR_TRY(auto letter,
           stores.state->letters().Of(pipeline.name, sink.name, LetterId(event)));
    if (letter) trace.letters.push_back(std::move(*letter));
  }
  if (sink.name.starts_with(kTable)) {
    MR_CHECK_OK(TraceTable(stores, pipeline.name, event, trace));
  } else {
    MR_CHECK_OK(TraceLake(stores, event, trace));
  }
  if (trace.letters.empty()) return trace;
  const bool there = trace.result == "row" || trace.result == "superseded";
  using pipeline::LetterState;
  switch (trace.letters.front().state) {
    case LetterState::kOpen:
    case LetterState::kSent:
    case LetterState::kRebuilding:
    case LetterState::kDismissed:
      if (!there) trace.result = "dead_letter";
      break;
    case LetterState::kApplied:
      // Its row is not under its offset: it came by the redrive stream.
      if (!there) {
        trace.result = "redriven";
        trace.file.clear();
      }
      break;
    case LetterState::kSuperseded:
    case LetterState::kRebuilt:
      break;
  }
  return trace;
}

}  // namespace millrace::app
