#include "change/envelope.hpp"

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace millrace::change {
namespace {

/// Walks the text that AppendEnvelope writes. Any surprise sets `ok` to false, and the
/// general parser takes over: this one is a short cut, never the judge.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  /// Whether `literal` was next.
  bool Take(const char* literal) {
    const bool next = rest_.starts_with(literal);
    if (next) Expect(literal);
    return next;
  }

  void Expect(std::string_view literal) {
    if (!rest_.starts_with(literal)) return Give();
    rest_.remove_prefix(literal.size());
  }

  /// An object or null; empty view for null.
  std::string_view Document() {
    if (rest_.starts_with("null")) {
      rest_.remove_prefix(4);
      return {};
    }
    if (!rest_.starts_with('{')) {
      Give();
      return {};
    }
    return Take(ObjectEnd());
  }

  /// As Document, up to the last `follows`, which ends in '{'. For the last document of a
  /// text: nothing behind it can look like `follows`, since quotes in strings are
  /// escaped.
  std::string_view DocumentBefore(std::string_view follows) {
    if (!rest_.starts_with('{')) return Document();
    const char* const begin = rest_.data();
    for (std::size_t size = rest_.size();;) {
      const void* found = memrchr(begin, '{', size);
      if (found == nullptr) break;
      size = static_cast<std::size_t>(static_cast<const char*>(found) - begin);
      if (size < follows.size()) break;
      const auto at = size + 1 - follows.size();
      if (rest_.substr(at, follows.size()) != follows) continue;
      if (rest_[at - 1] != '}') break;
      return Take(at);
    }
    Give();
    return {};
  }

  /// A JSON string, with its quotes.
  std::string_view String() {
    if (!rest_.starts_with('"')) {
      Give();
      return {};
    }
    return Take(StringEnd(0));
  }

  /// A whole number that nobody asks for.
  void SkipNumber() {
    if (rest_.starts_with('-')) rest_.remove_prefix(1);
    std::size_t size = 0;
    while (size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9') ++size;
    Take(size == 0 ? std::string_view::npos : size);
  }

  template <typename T>
  T Number() {
    T value{};
    const auto [end, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) {
      Give();
      return {};
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  void Give() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view Take(std::size_t size) {
    if (size == std::string_view::npos) {
      Give();
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  /// Past the closing quote of the string that opens at `at`.
  std::size_t StringEnd(std::size_t at) const {
    for (std::size_t i = at + 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') return i + 1;
      if (rest_[i] == '\\') ++i;
    }
    return std::string_view::npos;
  }
  std::size_t ObjectEnd() const {
    int depth = 0;
    std::size_t i = 0;
    while (i < rest_.size()) {
      const char c = rest_[i];
      if (c == '"') {
        i = StringEnd(i);
        if (i == std::string_view::npos) return i;
        continue;
      }
      ++i;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return i;
    }
    return std::string_view::npos;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::string_view Unquoted(std::string_view json) {
  return json.size() >= 2 ? json.substr(1, json.size() - 2) : std::string_view();
}

bool ReadAsOf(std::string_view hex, Event& event) {
  const auto version = Version::Parse(hex);
  if (version) event.as_of = *version;
  return version.has_value();
}

bool ParseFast(std::string_view body, Event& event) {
  Scanner in(body);
  in.Expect("{\"before\":");
  event.before = in.Document();
  in.Expect(",\"after\":");
  event.after = in.DocumentBefore(",\"source\":{");
  in.Expect(",\"source\":{\"version\":\"1\",\"connector\":\"millrace\",\"name\":");
  event.source = Unquoted(in.String());
  in.Expect(",\"ts_ms\":");
  in.SkipNumber();
  in.Expect(",\"ts_us\":");
  event.committed_at = in.Number<std::int64_t>();
  in.Expect(",\"ts_ns\":");
  in.SkipNumber();
  in.Expect(",\"snapshot\":");
  in.String();
  in.Expect(",\"db\":");
  event.tenant = Unquoted(in.String());
  in.Expect(",\"collection\":");
  event.collection = Unquoted(in.String());
  in.Expect(",\"key\":");
  event.key_json = in.String();
  event.key = Unquoted(event.key_json);
  in.Expect(",\"epoch\":");
  event.version.epoch = in.Number<std::uint32_t>();
  in.Expect(",\"position\":");
  event.version.position = in.Number<std::uint64_t>();
  in.Expect(",\"ordinal\":");
  event.version.ordinal = in.Number<std::uint32_t>();
  if (in.Take(",\"as_of\":") && !ReadAsOf(Unquoted(in.String()), event)) return false;
  in.Expect("},\"op\":");
  const auto op = Unquoted(in.String());
  in.Expect(",\"operation\":");
  event.operation = Unquoted(in.String());
  in.Expect(",\"ts_ms\":");
  in.SkipNumber();
  in.Expect("}");
  if (!in.ok() || !in.AtEnd() || op.size() != 1) return false;
  event.op = op.front();
  return true;
}

using simdjson::ondemand::object;
using simdjson::ondemand::value;

std::string_view RawText(value& member) {
  std::string_view raw;
  if (member.raw_json_token().empty()) return {};
  simdjson::ondemand::json_type type;
  if (member.type().get(type) != simdjson::SUCCESS) return {};
  if (type != simdjson::ondemand::json_type::string) return {};
  raw = member.raw_json_token();
  const auto end = raw.rfind('"');
  return raw.substr(0, end + 1);
}

Status ReadDocument(object& root, const char* name, std::string_view& into) {
  value member;
  if (root.find_field_unordered(name).get(member) != simdjson::SUCCESS) return {};
  simdjson::ondemand::json_type type;
  if (member.type().get(type) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, std::string(name) + ": broken JSON");
  }
  if (type == simdjson::ondemand::json_type::null) return {};
  object inner;
  if (type != simdjson::ondemand::json_type::object ||
      member.get_object().get(inner) != simdjson::SUCCESS ||
      inner.raw_json().get(into) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(name) + ": expected an object or null");
  }
  into = into.substr(0, into.rfind('}') + 1);  // raw_json runs on to the next token
  return {};
}

Status ReadText(object& from, const char* name, std::string_view& into, bool required) {
  value member;
  if (from.find_field_unordered(name).get(member) == simdjson::SUCCESS) {
    into = RawText(member);
    if (!into.empty()) return {};
  }
  if (!required) return {};
  return Fail(ErrorCode::kInvalidArgument, std::string(name) + ": expected text");
}

template <typename T>
Status ReadNumber(object& from, const char* name, T& into) {
  std::uint64_t number = 0;
  if (from.find_field_unordered(name).get(number) != simdjson::SUCCESS ||
      !std::in_range<T>(number)) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(name) + ": expected a whole number");
  }
  into = static_cast<T>(number);
  return {};
}

Status ReadSource(object& root, Event& event) {
  object source;
  if (root.find_field_unordered("source").get(source) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, "source: expected an object");
  }
  std::string_view name, tenant, collection;
  MR_CHECK_OK(ReadText(source, "name", name, true));
  MR_CHECK_OK(ReadNumber(source, "ts_us", event.committed_at));
  MR_CHECK_OK(ReadText(source, "db", tenant, false));
  MR_CHECK_OK(ReadText(source, "collection", collection, true));
  MR_CHECK_OK(ReadText(source, "key", event.key_json, true));
  MR_CHECK_OK(ReadNumber(source, "epoch", event.version.epoch));
  MR_CHECK_OK(ReadNumber(source, "position", event.version.position));
  MR_CHECK_OK(ReadNumber(source, "ordinal", event.version.ordinal));
  std::string_view as_of;
  MR_CHECK_OK(ReadText(source, "as_of", as_of, false));
  if (!as_of.empty() && !ReadAsOf(Unquoted(as_of), event)) {
    return Fail(ErrorCode::kInvalidArgument, "as_of: expected a version");
  }
  event.source = Unquoted(name);
  event.tenant = Unquoted(tenant);
  event.collection = Unquoted(collection);
  event.key = Unquoted(event.key_json);
  return {};
}

Status ParseGeneral(std::string_view body, Event& event) {
  // Below, a field that is not found may be one behind broken JSON; after such an error
  // the on-demand parser must not be asked again. So it only ever sees what is whole.
  simdjson::dom::parser judge;
  if (judge.parse(body.data(), body.size(), false).error() != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, "the event is not a JSON object");
  }
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  object root;
  if (parser.iterate(body.data(), body.size(), body.size() + simdjson::SIMDJSON_PADDING)
              .get(document) != simdjson::SUCCESS ||
      document.get_object().get(root) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, "the event is not a JSON object");
  }
  MR_CHECK_OK(ReadDocument(root, "before", event.before));
  MR_CHECK_OK(ReadDocument(root, "after", event.after));
  MR_CHECK_OK(ReadSource(root, event));
  std::string_view op, operation;
  MR_CHECK_OK(ReadText(root, "op", op, true));
  MR_CHECK_OK(ReadText(root, "operation", operation, false));
  op = Unquoted(op);
  if (op.size() != 1 || std::string_view("cudr").find(op) == std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "op: expected c, u, d or r");
  }
  event.op = op.front();
  event.operation = operation.empty() ? (event.op == 'c'   ? "insert"
                                         : event.op == 'u' ? "update"
                                         : event.op == 'd' ? "delete"
                                                           : "read")
                                      : Unquoted(operation);
  return {};
}

/// An envelope has nanoseconds, too: up to the year 2262.
constexpr TimestampUs kLastTime = std::numeric_limits<TimestampUs>::max() / 1000;

Status Check(const Event& event) {
  if (event.committed_at < 0 || event.committed_at > kLastTime) {
    return Fail(ErrorCode::kInvalidArgument, "ts_us: expected 1970 to 2262");
  }
  if (std::string_view("cudr").find(event.op) == std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "op: expected c, u, d or r");
  }
  if (event.op != 'd' && event.after.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "after: missing");
  }
  return {};
}

}  // namespace

Result<Event> ParseEnvelope(std::string_view body) {
  Event event;
  if (!ParseFast(body, event)) {
    event = Event();
    MR_CHECK_OK(ParseGeneral(body, event));
  }
  MR_CHECK_OK(Check(event));
  return event;
}

}  // namespace millrace::change
