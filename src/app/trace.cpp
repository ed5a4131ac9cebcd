#include "trace.hpp"

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "trace_event.hpp"

namespace millrace::app {
namespace {

void AppendVersion(std::string& out, const std::string& source, const Version& version) {
  AppendMember(out, "version", version.ToHex());
  AppendMember(out, "event_id", EventId{source, version}.ToString());
}

void AppendLetters(std::string& out, const std::vector<pipeline::DeadLetter>& letters) {
  out += ",\"dead_letters\":[";
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const auto& letter = letters[i];
    out += i > 0 ? ",{\"stage\":" : "{\"stage\":";
    AppendJsonString(out, letter.stage);
    AppendMember(out, "reason", letter.reason);
    AppendMember(out, "state", NameOf(letter.state));
    if (!letter.dismissal.empty()) AppendMember(out, "dismissal", letter.dismissal);
    std::string at;
    AppendTimestamp(at, letter.at);
    AppendMember(out, "at", at);
    AppendMember(out, "attempts", letter.attempts);
    out += '}';
  }
  out += ']';
}

void AppendSink(std::string& out, const std::string& source, const SinkTrace& trace) {
  out += "{\"sink\":";
  AppendJsonString(out, trace.sink.name);
  AppendMember(out, "state", trace.sink.state);
  if (!trace.sink.reason.empty()) AppendMember(out, "reason", trace.sink.reason);
  AppendMember(out, "result", trace.result);
  if (trace.sink.started) AppendMember(out, "position", trace.sink.position);
  if (!trace.file.empty()) {
    AppendMember(out, "file", trace.file);
    AppendMember(out, "first_offset", trace.first);
    AppendMember(out, "next_offset", trace.next);
  }
  if (trace.version) AppendVersion(out, source, *trace.version);
  if (!trace.letters.empty()) AppendLetters(out, trace.letters);
  out += '}';
}

void AppendEvent(std::string& out, const TracedEvent& event) {
  out += "{\"event_id\":";
  AppendJsonString(out, event.id.source.empty() ? "" : event.id.ToString());
  if (!event.tenant.empty()) AppendMember(out, "tenant", event.tenant);
  if (!event.collection.empty()) {
    AppendMember(out, "collection", event.collection);
    AppendMember(out, "key", event.key);
    AppendMember(out, "operation", event.operation);
  }
  if (event.accepted_at) {
    std::string at;
    AppendTimestamp(at, *event.accepted_at);
    AppendMember(out, "accepted_at", at);
  }
  out += ",\"log\":{\"state\":";
  AppendJsonString(out, event.log);
  if (!event.stream.empty()) AppendMember(out, "stream", event.stream);
  if (event.offset) AppendMember(out, "offset", *event.offset);
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
