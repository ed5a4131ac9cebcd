#include "capture/event_parser.hpp"

#include <simdjson.h>

#include <string>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "change/limits.hpp"

namespace millrace::capture {
namespace {

using schema::Draft;

/// Text columns hold neither invalid UTF-8 nor NUL.
bool IsText(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size()) &&
         bytes.find('\0') == std::string_view::npos;
}

schema::DraftView ViewOf(const Draft& draft) {
  return {draft.key, draft.json, draft.key_at};
}

/// As the codec writes it, so that it can finish it: the stream's fields are event_id,
/// payload and payload_bytes.
Draft RawDraft(std::string_view bytes, std::string_view event_id) {
  Draft draft;
  draft.key = event_id;
  draft.json = "{\"event_id\":";
  draft.key_at = draft.json.size();
  if (!event_id.empty()) AppendJsonString(draft.json, event_id);
  if (IsText(bytes)) {
    draft.json += ",\"payload\":";
    AppendJsonString(draft.json, bytes);
    draft.json += ",\"payload_bytes\":null}";
  } else {
    draft.json += ",\"payload\":null,\"payload_bytes\":\"";
    AppendBase64(draft.json, bytes);
    draft.json += "\"}";
  }
  return draft;
}

/// `draft` is the last one's, to be used again.
Status ReadLine(const schema::RecordCodec& codec, std::string_view line,
                std::string_view event_id, Draft& draft) {
  bool array = false;
  MR_CHECK_OK(codec.ParseEachCreate(
      line, 1, &array, [&draft](Draft& parsed) { std::swap(draft, parsed); }));
  if (array) {
    return Fail(ErrorCode::kInvalidArgument, "a line holds one object, not an array");
  }
  if (draft.key.empty() && !event_id.empty()) {
    std::string literal;
    AppendJsonString(literal, event_id);
    draft.json.insert(draft.key_at, literal);
    draft.key = event_id;
  }
  return {};
}

Error TooMany(std::size_t most) {
  return Error(ErrorCode::kTooLarge,
               "a request may have at most " + std::to_string(most) + " events");
}

/// What no log would take, found before it is an append of many requests. Raw bytes may
/// grow to six times as many: control characters are escaped.
Status CheckSize(const Draft& draft) {
  constexpr auto kMost = change::kMaxEventBytes - change::kMaxOverheadBytes;
  if (draft.json.size() <= kMost) return {};
  return Fail(ErrorCode::kTooLarge,
              "the event would have " + std::to_string(draft.json.size()) +
                  " bytes as it is stored; it may have " + std::to_string(kMost));
}

/// What stands behind a prefix, ":" and the line's number, has at most so many bytes.
constexpr std::size_t kLineSuffix = 12;

Status CheckId(std::string_view id, bool lines) {
  const std::string name = lines ? "event_id_prefix" : "event_id";
  const auto most = schema::kMaxKeyBytes - (lines ? kLineSuffix : 0);
  const auto refuse = [&name](const std::string& why) {
    return Fail(Error(ErrorCode::kInvalidArgument, name + ": " + why, {{name, why}}));
  };
  if (id.size() > most)
    return refuse("may have at most " + std::to_string(most) + " bytes");
  if (!IsText(id)) return refuse("expected UTF-8 text without NUL");
  return {};
}

Result<ParsedEvents> ParseLines(const schema::RecordCodec& codec, bool raw,
                                std::string_view bytes, std::string_view id_prefix,
                                std::size_t most) {
  ParsedEvents parsed;
  Draft draft;
  std::string id;
  for (std::size_t line = 1; !bytes.empty(); ++line) {
    const auto end = bytes.find('\n');
    auto text = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (parsed.events.size() + parsed.bad.size() == most) return Fail(TooMany(most));
    if (!id_prefix.empty()) {
      // Between them what no number has: line 11 of "b1" is not line 1 of "b11".
      id = std::string(id_prefix) + ':' + std::to_string(line);
    }
    Status read;
    if (raw) {
      draft = RawDraft(text, id);
    } else {
      read = ReadLine(codec, text, id, draft);
    }
    if (read) read = CheckSize(draft);
    if (read) {
      parsed.events.Add(ViewOf(draft));
    } else {
      parsed.bad.push_back({line, std::move(read.error())});
    }
  }
  if (parsed.events.empty() && parsed.bad.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "there is no event: every line is empty");
  }
  return parsed;
}

}  // namespace

Result<ParsedEvents> ParseEvents(const schema::RecordCodec& codec, EventForm form,
                                 std::string_view bytes, std::string_view event_id,
                                 std::size_t most) {
  const bool lines = form == EventForm::kJsonLines || form == EventForm::kRawLines;
  MR_CHECK_OK(CheckId(event_id, lines));
  if (lines) {
    return ParseLines(codec, form == EventForm::kRawLines, bytes, event_id, most);
  }
  ParsedEvents parsed;
  if (form == EventForm::kRaw) {
    if (bytes.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "the event is empty");
    }
    parsed.single = true;
    const auto draft = RawDraft(bytes, event_id);
    MR_CHECK_OK(CheckSize(draft));
    parsed.events.Add(ViewOf(draft));
    return parsed;
  }
  bool array = false;
  Status fits;
  MR_CHECK_OK(codec.ParseEachCreate(bytes, most, &array, [&](const Draft& draft) {
    if (fits) fits = CheckSize(draft);
    parsed.events.Add(ViewOf(draft));
  }));
  MR_CHECK_OK(fits);
  parsed.single = !array;
  return parsed;
}

}  // namespace millrace::capture
