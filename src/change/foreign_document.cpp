#include "foreign_document.hpp"

#include <algorithm>
#include <optional>

#include "base/json.hpp"
#include "exact_numbers.hpp"

namespace millrace::change {
namespace {

constexpr std::int64_t kUsPerSecond = 1'000'000;
constexpr std::size_t kShown = 40;  ///< bytes of a wrong value in a reason

/// The collection's types without its rules on values.
schema::Collection Lenient(schema::Collection collection) {
  for (auto& field : collection.fields) {
    field = {.name = std::move(field.name), .type = std::move(field.type)};
  }
  return collection;
}

Error Bad(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

std::string Excerpt(simdjson::dom::element value) {
  std::string text = RestoreNumbers(simdjson::minify(value));
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text;
}

/// "12.50" → 12.5: as a number of JavaScript and Python prints.
void AppendDecimalNumber(std::string& out, std::string_view quoted) {
  auto digits = quoted.substr(1, quoted.size() - 2);
  if (digits.find('.') != std::string_view::npos) {
    digits = digits.substr(0, digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.remove_suffix(1);
  }
  out += digits;
}

}  // namespace

/// A record body that is being put together out of a foreign document.
struct ForeignDocument::Body {
  std::string json = "{";
  std::optional<TimestampUs> created_at, updated_at;
  bool has_key = false;

  void Add(std::string_view name, std::string_view literal) {
    if (json.size() > 1) json += ',';
    AppendJsonKey(json, name);
    json += literal;
  }
};

ForeignDocument::ForeignDocument(const schema::Collection& collection)
    : collection_(collection),
      columns_(collection.DocumentColumns()),
      lenient_(Lenient(collection)) {}

bool ForeignDocument::Shown(std::size_t column) const {
  const auto& name = columns_[column].name;
  if (name == collection_.key) return !key_is_id();
  return name != collection_.version && !name.starts_with('_');
}

void ForeignDocument::AppendLiteral(std::string& out, std::size_t column,
                                    std::string_view literal,
                                    AppendTime append_time) const {
  const auto kind = columns_[column].type.kind;
  if (kind == schema::Kind::kDecimal) return AppendDecimalNumber(out, literal);
  if (kind == schema::Kind::kTimestamp) {
    if (const auto at = ParseTimestamp(schema::TextOf(literal))) {
      out += '"';
      append_time(out, *at);
      out += '"';
      return;
    }
  }
  out += literal;
}

void ForeignDocument::AppendMembers(std::string& out, const Event& event,
                                    std::string_view image,
                                    AppendTime append_time) const {
  out += "\"_id\":";
  AppendJsonString(out, event.key);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto literal = schema::FindMember(image, columns_[i].name);
    if (!Shown(i) || literal.empty() || literal == "null") continue;
    out += ',';
    AppendJsonKey(out, columns_[i].name);
    AppendLiteral(out, i, literal, append_time);
  }
}

void ForeignDocument::AppendDifference(std::string& out, std::string_view before,
                                       std::string_view after,
                                       AppendTime append_time) const {
  std::string removed;
  out += "{\"updatedFields\":{";
  bool first = true;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto now = schema::FindMember(after, columns_[i].name);
    const auto then = schema::FindMember(before, columns_[i].name);
    if (!Shown(i) || now == then || (then.empty() && now == "null")) continue;
    if (now.empty() || now == "null") {
      if (!removed.empty()) removed += ',';
      AppendJsonString(removed, columns_[i].name);
      continue;
    }
    if (!first) out += ',';
    first = false;
    AppendJsonKey(out, columns_[i].name);
    AppendLiteral(out, i, now, append_time);
  }
  out += "},\"removedFields\":[" + removed + "],\"truncatedArrays\":[]}";
}

Status ForeignDocument::AddMember(Body& body, std::string_view name,
                                  simdjson::dom::element value) const {
  const bool created = name == collection_.created_at;
  const auto field = collection_.Find(name);
  const bool time =
      field && collection_.fields[*field].type.kind == schema::Kind::kTimestamp;
  std::string_view text;
  const bool is_text = value.get(text) == simdjson::SUCCESS;
  if (created || name == collection_.updated_at || (time && is_text)) {
    const auto at = ParseForeignTime(text);
    if (value.is_null()) return {};
    if (!at)
      return Fail(Bad(std::string(name) + ": expected a time, found " + Excerpt(value)));
    if (!time) {
      (created ? body.created_at : body.updated_at) = *at;
      return {};
    }
    std::string literal = "\"";
    AppendTimestamp(literal, *at);
    body.Add(name, literal + '"');
  } else if (field) {
    if (name == collection_.key && value.is_null()) return {};
    body.has_key |= name == collection_.key;
    body.Add(name, RestoreNumbers(simdjson::minify(value)));
  }
  return {};
}

Status ForeignDocument::Read(simdjson::dom::object document, std::string_view id,
                             ForeignChange& change) const {
  Body body;
  for (const auto [name, value] : document) {
    if (name == "_id") {
      if (id.empty()) id = IdText(value);
    } else if (name != "id" || !key_is_id()) {
      MR_CHECK_OK(AddMember(body, name, value));
    }
  }
  if (key_is_id() && !id.empty()) {
    MR_TRY(const auto literal, lenient_.KeyLiteral(id));
    body.Add("id", literal);
    body.has_key = true;
  }
  if (!body.has_key) {
    return Fail(Bad((key_is_id() ? "_id" : collection_.key) + ": missing"));
  }
  return Finish(std::move(body), change);
}

Status ForeignDocument::ReadKeyOnly(std::string_view key, ForeignChange& change) const {
  MR_TRY(const auto literal, lenient_.KeyLiteral(key));
  Body body;
  body.Add(collection_.key, literal);
  return Finish(std::move(body), change);
}

Status ForeignDocument::Finish(Body body, ForeignChange& change) const {
  body.json += '}';
  body.json.reserve(body.json.size() + schema::kJsonPadding);
  bool array = false;
  auto drafts = lenient_.ParseCreates(body.json, 1, &array);
  if (!drafts) {
    std::string message;
    for (const auto& field : drafts.error().fields()) {
      if (!message.empty()) message += "; ";
      message += field.pointer.substr(field.pointer.starts_with('/') ? 1 : 0) + ": " +
                 field.message;
    }
    if (message.empty()) message = drafts.error().message();
    return Fail(Bad(std::move(message)));
  }
  change.key = std::move(drafts->front().key);
  change.image = std::move(drafts->front().json);
  change.image.pop_back();
  const auto add_time = [&](const std::string& name,
                            const std::optional<TimestampUs>& at) {
    change.image += ',';
    AppendJsonKey(change.image, name);
    if (!at) {
      change.image += "null";
      return;
    }
    change.image += '"';
    AppendTimestamp(change.image, *at);
    change.image += '"';
  };
  add_time(collection_.created_at, body.created_at);
  add_time(collection_.updated_at, body.updated_at);
  change.image += ',';
  AppendJsonKey(change.image, collection_.version);
  change.image += "null}";
  change.image.reserve(change.image.size() + schema::kJsonPadding);
  return {};
}

std::string_view IdText(simdjson::dom::element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return text;
  simdjson::dom::object object;
  if (value.get(object) == simdjson::SUCCESS) {
    static_cast<void>(object["$oid"].get(text));
  }
  return text;
}

Result<TimestampUs> ParseForeignTime(std::string_view text) {
  if (auto at = ParseTimestamp(text)) return at;
  return ParseTimestamp(std::string(text) + 'Z');
}

Result<simdjson::dom::object> ParseObject(simdjson::dom::parser& parser,
                                          std::string_view payload) {
  simdjson::dom::element root;
  simdjson::dom::object object;
  if (const auto error = parser.parse(MarkNumbers(payload)).get(root)) {
    return Fail(Bad(std::string("not JSON: ") + simdjson::error_message(error)));
  }
  if (root.get(object) != simdjson::SUCCESS) {
    return Fail(Bad("expected a JSON object, found " + Excerpt(root)));
  }
  return object;
}

std::uint64_t OrderOf(TimestampUs at) {
  if (at <= 0) return 0;
  const auto seconds = static_cast<std::uint64_t>(at / kUsPerSecond);
  const auto fraction = static_cast<std::uint64_t>(at % kUsPerSecond);
  return (seconds << 32U) | ((fraction << 32U) / kUsPerSecond);
}

}  // namespace millrace::change
