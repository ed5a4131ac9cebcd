#include "trace.hpp"

#include "base/json.hpp"
#include "trace_event.hpp"

namespace millrace::app {
namespace {

void AppendText(std::string& out, std::string_view name, std::string_view value) {
  out += ',';
  AppendJsonKey(out, name);
  AppendJsonString(out, value);
}

void AppendNumber(std::string& out, std::string_view name, std::uint64_t value) {
  out += ',';
  AppendJsonKey(out, name);
  AppendUint(out, value);
}

void AppendVersion(std::string& out, const std::string& source, const Version& version) {
  AppendText(out, "version", version.ToHex());
  AppendText(out, "event_id", EventId{source, version}.ToString());
}

void AppendLetters(std::string& out, const std::vector<pipeline::DeadLetter>& letters) {
  out += ",\"dead_letters\":[";
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const auto& letter = letters[i];
    out += i > 0 ? ",{\"stage\":" : "{\"stage\":";
    AppendJsonString(out, letter.stage);
    AppendText(out, "reason", letter.reason);
    AppendText(out, "state", NameOf(letter.state));
    std::string at;
    AppendTimestamp(at, letter.at);
    AppendText(out, "at", at);
    AppendNumber(out, "attempts", letter.attempts);
    out += '}';
  }
  out += ']';
}

void AppendSink(std::string& out, const std::string& source, const SinkTrace& trace) {
  out += "{\"sink\":";
  AppendJsonString(out, trace.sink.name);
  AppendText(out, "state", trace.sink.state);
  if (!trace.sink.reason.empty()) AppendText(out, "reason", trace.sink.reason);
  AppendText(out, "result", trace.result);
  if (trace.sink.started) AppendNumber(out, "position", trace.sink.position);
  if (!trace.file.empty()) {
    AppendText(out, "file", trace.file);
    AppendNumber(out, "first_offset", trace.first);
    AppendNumber(out, "next_offset", trace.next);
  }
  if (trace.version) AppendVersion(out, source, *trace.version);
  if (!trace.letters.empty()) AppendLetters(out, trace.letters);
  out += '}';
}

void AppendEvent(std::string& out, const TracedEvent& event) {
  out += "{\"event_id\":";
  AppendJsonString(out, event.id.source.empty() ? "" : event.id.ToString());
  if (!event.collection.empty()) {
    AppendText(out, "collection", event.collection);
    AppendText(out, "key", event.key);
    AppendText(out, "operation", event.operation);
  }
  if (event.accepted_at) {
    std::string at;
    AppendTimestamp(at, *event.accepted_at);
    AppendText(out, "accepted_at", at);
  }
  out += ",\"log\":{\"state\":";
  AppendJsonString(out, event.log);
  if (!event.stream.empty()) AppendText(out, "stream", event.stream);
  if (event.offset) AppendNumber(out, "offset", *event.offset);
  out += '}';
  if (event.record.empty()) return;
  out += ",\"record\":{\"state\":";
  AppendJsonString(out, event.record);
  if (event.newest) AppendVersion(out, event.id.source, *event.newest);
  out += '}';
}

Status AppendPipeline(std::string& out, const TraceStores& stores,
                      const PipelineState& pipeline, const TracedEvent& event) {
  out += "{\"pipeline\":";
  AppendJsonString(out, pipeline.name);
  out += ",\"sinks\":[";
  for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
    if (i > 0) out += ',';
    MR_TRY(const auto trace, TraceSink(stores, pipeline, pipeline.sinks[i], event));
    AppendSink(out, event.id.source, trace);
  }
  out += "]}";
  return {};
}

}  // namespace

Result<std::string> TraceJson(const TraceStores& stores, const TraceQuestion& question) {
  MR_TRY(const auto events, FindEvents(stores, question));
  MR_TRY(const auto pipelines, stores.pipelines());
  std::string out = "{\"items\":[";
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) out += ',';
    AppendEvent(out, events[i]);
    out += ",\"pipelines\":[";
    bool first = true;
    for (const auto& pipeline : pipelines) {
      if (pipeline.stream != events[i].stream) continue;
      if (!first) out += ',';
      first = false;
      MR_CHECK_OK(AppendPipeline(out, stores, pipeline, events[i]));
    }
    out += "]}";
  }
  out += "]}";
  return out;
}

}  // namespace millrace::app
