#include <fmt/format.h>
#include <simdjson.h>

#include <map>

#include "trace.hpp"

namespace millrace::app {
namespace {

using simdjson::dom::element;

std::string Text(const element& object, std::string_view name) {
  element member;
  if (object[name].get(member) != simdjson::SUCCESS) return {};
  std::string_view text;
  if (member.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(member);
}

std::string LogText(const element& log) {
  const auto state = Text(log, "state"), stream = Text(log, "stream");
  if (state == "logged") return stream + ", offset " + Text(log, "offset");
  if (state == "waiting") return "not yet: capture has still to bring it";
  if (state == "gone") return "retention has passed it";
  return "NOT THERE, though the record store has committed it: see millrace verify";
}

std::string RecordText(const element& record) {
  const auto state = Text(record, "state");
  if (state == "newest") return "as this event left it";
  if (state == "deleted") return "deleted";
  return "changed since, by " + Text(record, "event_id");
}

std::string LetterText(const element& sink) {
  std::string out;
  simdjson::dom::array letters;
  if (sink["dead_letters"].get(letters) != simdjson::SUCCESS) return out;
  for (const auto letter : letters) {
    out +=
        fmt::format("\n      dead letter of stage {}, {}, {} attempts, last at {}: {}",
                    Text(letter, "stage"), Text(letter, "state"),
                    Text(letter, "attempts"), Text(letter, "at"), Text(letter, "reason"));
    if (const auto why = Text(letter, "dismissal"); !why.empty()) {
      out += "\n      dismissed: " + why;
    }
  }
  return out;
}

std::string SinkText(const element& sink) {
  static const std::map<std::string, std::string, std::less<>> kMeanings = {
      {"waiting", "not yet"},
      {"not_started", "not yet: the sink has not begun"},
      {"superseded", "the row of the key is newer, by "},
      {"deleted", "the key is deleted, as the event says"},
      {"filtered", "no row: the SQL gave none for it, or the table began after it"},
      {"missing", "NO ROW: the table began after it, ignores deletes, or lost it"},
      {"redriven", "here, by a redrive of its dead letter"},
      {"no_row", "no row: the SQL gave none for it, or it is a delete; "},
      {"doubled", "SEVERAL ROWS in "},
      {"before_start", "no row: the lake table begins after it"},
      {"dead_letter", "refused"},
      {"in_file", "done; if it gave a row, it is in "},
      {"unknown", "cannot be told any more"}};
  const auto result = Text(sink, "result");
  const bool table = Text(sink, "sink").starts_with("table.");
  std::string out;
  if (result == "row") {
    out = table ? "row, the newest of its key" : "row in ";
  } else if (const auto found = kMeanings.find(result); found != kMeanings.end()) {
    out = found->second;
  }
  if (result == "superseded") out += Text(sink, "event_id");
  if (const auto file = Text(sink, "file"); !file.empty() && result != "dead_letter") {
    out += fmt::format("{} (offsets {} to {})", file, Text(sink, "first_offset"),
                       std::stoull(Text(sink, "next_offset")) - 1);
  }
  if (result == "waiting") {
    out += ": the sink is " + Text(sink, "state");
    const auto position = Text(sink, "position");
    if (!position.empty()) out += " and goes on at offset " + position;
    if (!table) out += "; a lake shows rows when their file is closed";
  }
  if (const auto reason = Text(sink, "reason"); !reason.empty()) out += "; " + reason;
  return out + LetterText(sink);
}

std::string EventText(const element& event) {
  auto id = Text(event, "event_id");
  element log, record;
  static_cast<void>(event["log"].get(log));
  if (id.empty()) id = Text(log, "stream") + "@" + Text(log, "offset");
  auto out = fmt::format("{}", id);
  if (const auto key = Text(event, "key"); !key.empty()) {
    out += fmt::format("  {} of {}/{}", Text(event, "operation"),
                       Text(event, "collection"), key);
  }
  out += '\n';
  constexpr auto kLine = "  {:<10} {}\n";
  if (const auto at = Text(event, "accepted_at"); !at.empty()) {
    out += fmt::format(kLine, "accepted", at);
  }
  out += fmt::format(kLine, "log", LogText(log));
  if (event["record"].get(record) == simdjson::SUCCESS) {
    out += fmt::format(kLine, "record", RecordText(record));
  }
  simdjson::dom::array pipelines;
  if (event["pipelines"].get(pipelines) != simdjson::SUCCESS) return out;
  for (const auto pipeline : pipelines) {
    out += fmt::format(kLine, "pipeline", Text(pipeline, "pipeline"));
    simdjson::dom::array sinks;
    if (pipeline["sinks"].get(sinks) != simdjson::SUCCESS) continue;
    for (const auto sink : sinks) {
      out += fmt::format("    {:<26} {}\n", Text(sink, "sink"), SinkText(sink));
    }
  }
  return out;
}

}  // namespace

std::string TraceText(std::string_view json) {
  simdjson::dom::parser parser;
  element root;
  simdjson::dom::array events;
  if (parser.parse(simdjson::padded_string(json)).get(root) != simdjson::SUCCESS ||
      root["items"].get(events) != simdjson::SUCCESS) {
    return {};
  }
  std::string out;
  for (const auto event : events) out += EventText(event);
  return out;
}

}  // namespace millrace::app
