#include "base/json_member.hpp"
#include "pipeline/dead_letters.hpp"

namespace millrace::pipeline {
namespace {

void AppendTime(std::string& out, std::string_view name, TimestampUs at) {
  std::string text;
  AppendTimestamp(text, at);
  AppendMember(out, name, text);
}

}  // namespace

void AppendJson(std::string& out, const DeadLetter& letter) {
  out += '{';
  AppendMember(out, "id", static_cast<std::uint64_t>(letter.id));
  AppendMember(out, "state", NameOf(letter.state));
  AppendMember(out, "pipeline", letter.pipeline);
  AppendMember(out, "sink", letter.sink);
  AppendMember(out, "stream", letter.stream);
  AppendMember(out, "offset", letter.offset);
  AppendMember(out, "event_id", letter.event_id);
  AppendMember(out, "version", letter.version);
  AppendMember(out, "key", letter.key);
  AppendMember(out, "stage", letter.stage);
  AppendMember(out, "reason", letter.reason);
  AppendMember(out, "payload", letter.payload);
  AppendMemberOrNull(out, "mended", letter.mended);
  AppendMemberOrNull(out, "mend", letter.mend);
  AppendMemberOrNull(out, "dismissal", letter.dismissal);
  AppendTime(out, "first_at", letter.first_at);
  AppendTime(out, "at", letter.at);
  AppendMember(out, "attempts", letter.attempts);
  if (letter.run != 0) {
    AppendMember(out, "run", letter.run);
  } else {
    AppendMemberOrNull(out, "run", "");
  }
  out += '}';
}

}  // namespace millrace::pipeline
