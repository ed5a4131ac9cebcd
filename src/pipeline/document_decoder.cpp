#include "document_decoder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/bytes.hpp"
#include "schema/record_codec.hpp"

namespace millrace::pipeline {
namespace {

namespace ondemand = simdjson::ondemand;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::size_t kShown = 64;  ///< bytes of a wrong value in a reason

/// A text without escapes is a view into the document: nothing is copied.
bool ReadText(ondemand::value& value, std::string_view& text) {
  const std::string_view token = value.raw_json_token();
  const std::size_t end = token.find_last_of('"');
  if (end > 0 && std::memchr(token.data(), '\\', end) == nullptr) {
    text = token.substr(1, end - 1);
    return true;
  }
  return value.get_string().get(text) == simdjson::SUCCESS;
}

bool DecodeNumber(ondemand::value& value, const schema::Type& type, Value& out) {
  if (type.kind == schema::Kind::kDouble) {
    out.tag = Value::Tag::kDouble;
    return value.get_double().get(out.real) == simdjson::SUCCESS;
  }
  out.tag = Value::Tag::kInteger;
  if (value.get_int64().get(out.integer) != simdjson::SUCCESS) return false;
  return type.kind == schema::Kind::kBigint ||
         (out.integer >= std::numeric_limits<std::int32_t>::min() &&
          out.integer <= std::numeric_limits<std::int32_t>::max());
}

/// The value as it stands, without decoding it.
bool DecodeRaw(ondemand::value& value, Value::Tag tag, Value& out) {
  std::string_view raw;
  if (simdjson::to_json_string(value).get(raw) != simdjson::SUCCESS) return false;
  while (!raw.empty() && (raw.back() == ' ' || raw.back() == '\n')) raw.remove_suffix(1);
  out.SetView(tag, raw);
  return true;
}

bool DecodeValue(ondemand::value& value, ondemand::json_type found,
                 const schema::Type& type, Value& out) {
  using Json = ondemand::json_type;
  std::string_view text;
  switch (type.kind) {
    case schema::Kind::kBoolean: {
      bool flag = false;
      if (found != Json::boolean || value.get_bool().get(flag) != simdjson::SUCCESS) {
        return false;
      }
      out.tag = Value::Tag::kInteger;
      out.integer = flag ? 1 : 0;
      return true;
    }
    case schema::Kind::kInteger:
    case schema::Kind::kBigint:
    case schema::Kind::kDouble:
      return found == Json::number && DecodeNumber(value, type, out);
    case schema::Kind::kText:
    case schema::Kind::kDecimal:
    case schema::Kind::kDate:
    case schema::Kind::kTimestamp:
    case schema::Kind::kUuid:
      return found == Json::string && ReadText(value, text) && ParseText(text, type, out);
    case schema::Kind::kJson:
      return DecodeRaw(value, Value::Tag::kText, out);
    case schema::Kind::kBytes:
      return found == Json::string && DecodeRaw(value, Value::Tag::kLiteral, out);
    case schema::Kind::kArray:
      return found == Json::array && DecodeRaw(value, Value::Tag::kLiteral, out);
    case schema::Kind::kObject:
      return found == Json::object && DecodeRaw(value, Value::Tag::kLiteral, out);
  }
  return false;
}

Drift WrongType(const schema::TypedName& column, std::string_view document) {
  const std::string_view literal = schema::FindMember(document, column.name);
  return {column.name, "field " + column.name + ": expected " + column.type.ToString() +
                           ", found " + Excerpt(literal, kShown)};
}

}  // namespace

struct DocumentDecoder::Parser {
  ondemand::parser parser;
};

DocumentDecoder::DocumentDecoder(const schema::Collection& collection,
                                 std::vector<std::size_t> columns)
    : document_(collection.DocumentColumns()),
      columns_(std::move(columns)),
      canonical_(document_, columns_),
      slots_(document_.size(), kNone),
      values_(columns_.size()),
      present_(columns_.size()),
      parser_(std::make_unique<Parser>()) {
  for (std::size_t i = 0; i < columns_.size(); ++i) slots_[columns_[i]] = i;
  for (std::size_t i = 0; i < document_.size(); ++i) {
    const bool system = i >= collection.fields.size();
    required_.push_back(system || collection.fields[i].required ||
                        document_[i].name == collection.key);
  }
}

DocumentDecoder::~DocumentDecoder() = default;

std::size_t DocumentDecoder::SlotOf(std::string_view name) {
  if (expected_ < document_.size() && document_[expected_].name == name) {
    return slots_[expected_++];
  }
  for (std::size_t i = 0; i < document_.size(); ++i) {
    if (document_[i].name != name) continue;
    expected_ = i + 1;
    return slots_[i];
  }
  return kNone;
}

std::optional<Drift> DocumentDecoder::Decode(std::string_view document) {
  if (columns_.empty()) return std::nullopt;
  present_.assign(present_.size(), false);
  if (canonical_.Decode(document, values_, present_)) return FillAbsent();
  expected_ = 0;
  present_.assign(present_.size(), false);
  if (auto drift = DecodeFields(document)) return drift;
  return FillAbsent();
}

std::optional<Drift> DocumentDecoder::DecodeFields(std::string_view document) {
  const auto broken = [](simdjson::error_code code) {
    return Drift{
        "", std::string("the document cannot be read: ") + simdjson::error_message(code)};
  };
  ondemand::document parsed;
  ondemand::object object;
  const simdjson::padded_string_view padded(document.data(), document.size(),
                                            document.size() + simdjson::SIMDJSON_PADDING);
  if (auto code = parser_->parser.iterate(padded).get(parsed)) return broken(code);
  if (auto code = parsed.get_object().get(object)) return broken(code);
  std::size_t left = columns_.size();
  for (auto member : object) {
    ondemand::field field;
    if (auto code = std::move(member).get(field)) return broken(code);
    std::string_view name;
    // Names of fields have no escapes; escaped ones stay unknown.
    const char* raw = field.key().raw();
    name = {raw, static_cast<std::size_t>(std::find(raw, document.end(), '"') - raw)};
    const std::size_t slot = SlotOf(name);
    if (slot == kNone) continue;
    Value& out = values_[slot];
    ondemand::json_type type{};
    ondemand::value value = field.value();
    if (auto code = value.type().get(type)) return broken(code);
    if (type == ondemand::json_type::null) {
      out.tag = Value::Tag::kNull;
    } else if (!DecodeValue(value, type, column(slot).type, out)) {
      return WrongType(column(slot), document);
    }
    present_[slot] = true;
    if (--left == 0) break;  // the rest is not asked for
  }
  return std::nullopt;
}

std::optional<Drift> DocumentDecoder::FillAbsent() {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (present_[i]) continue;
    if (required_[columns_[i]]) {
      return Drift{column(i).name,
                   "field " + column(i).name + ": required, and the document lacks it"};
    }
    values_[i].tag = Value::Tag::kNull;
  }
  return std::nullopt;
}

}  // namespace millrace::pipeline
