#include "base/json.hpp"
#include "pipeline/dead_letters.hpp"

namespace millrace::pipeline {
namespace {

void AppendText(std::string& out, std::string_view name, std::string_view value) {
  AppendJsonKey(out, name);
  AppendJsonString(out, value);
  out += ',';
}

void AppendTextOrNull(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) return AppendText(out, name, value);
  AppendJsonKey(out, name);
  out += "null,";
}

void AppendTime(std::string& out, std::string_view name, TimestampUs at) {
  std::string text;
  AppendTimestamp(text, at);
  AppendText(out, name, text);
}

void AppendNumber(std::string& out, std::string_view name, std::uint64_t value) {
  AppendJsonKey(out, name);
  AppendUint(out, value);
  out += ',';
}

}  // namespace

void AppendJson(std::string& out, const DeadLetter& letter) {
  out += '{';
  AppendNumber(out, "id", static_cast<std::uint64_t>(letter.id));
  AppendText(out, "state", NameOf(letter.state));
  AppendText(out, "pipeline", letter.pipeline);
  AppendText(out, "sink", letter.sink);
  AppendText(out, "stream", letter.stream);
  AppendNumber(out, "offset", letter.offset);
  AppendText(out, "event_id", letter.event_id);
  AppendText(out, "version", letter.version);
  AppendText(out, "key", letter.key);
  AppendText(out, "stage", letter.stage);
  AppendText(out, "reason", letter.reason);
  AppendText(out, "payload", letter.payload);
  AppendTextOrNull(out, "mended", letter.mended);
  AppendTextOrNull(out, "mend", letter.mend);
  AppendTime(out, "first_at", letter.first_at);
  AppendTime(out, "at", letter.at);
  AppendNumber(out, "attempts", letter.attempts);
  AppendJsonKey(out, "run");
  if (letter.run == 0) {
    out += "null}";
    return;
  }
  AppendUint(out, letter.run);
  out += '}';
}

}  // namespace millrace::pipeline
