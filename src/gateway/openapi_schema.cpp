#include "openapi_schema.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"

namespace millrace::gateway {
namespace {

using schema::Field;
using schema::Kind;
using schema::Type;

constexpr std::uint32_t kExampleText =
    12;  ///< characters of a text, where rules allow it

/// The members that say what JSON a value is, after `"type":` those of `null` too.
std::string_view JsonTypeOf(Kind kind) {
  switch (kind) {
    case Kind::kBoolean:
      return "boolean";
    case Kind::kInteger:
    case Kind::kBigint:
      return "integer";
    case Kind::kDouble:
      return "number";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
    case Kind::kJson:
      return "";  // any
    default:
      return "string";
  }
}

std::string_view FormatOf(Kind kind) {
  switch (kind) {
    case Kind::kInteger:
      return "int32";
    case Kind::kBigint:
      return "int64";
    case Kind::kDouble:
      return "double";
    case Kind::kDecimal:
      return "decimal";
    case Kind::kDate:
      return "date";
    case Kind::kTimestamp:
      return "date-time";
    case Kind::kUuid:
      return "uuid";
    default:
      return "";
  }
}

bool IsNumber(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kBigint || kind == Kind::kDouble ||
         kind == Kind::kDecimal;
}

/// A decimal's literal is text; the bounds of a schema are numbers.
std::string Unquoted(std::string_view literal) {
  if (literal.size() >= 2 && literal.front() == '"')
    literal = literal.substr(1, literal.size() - 2);
  return std::string(literal);
}

void AppendType(std::string& out, const Type& type, bool nullable, bool incoming) {
  const auto name = JsonTypeOf(type.kind);
  if (!name.empty()) {
    const bool also_number = incoming && type.kind == Kind::kDecimal;
    AppendMemberName(out, "type");
    if (nullable || also_number) out += '[';
    AppendJsonString(out, name);
    if (also_number) out += ",\"number\"";
    if (nullable) out += ",\"null\"";
    if (nullable || also_number) out += ']';
  }
  if (const auto format = FormatOf(type.kind); !format.empty())
    AppendMember(out, "format", format);
  if (type.kind == Kind::kBytes) AppendMember(out, "contentEncoding", "base64");
  if (type.kind == Kind::kArray) {
    AppendMemberName(out, "items");
    out += '{';
    AppendType(out, type.children.front().type, true, incoming);
    out += '}';
  }
  if (type.kind != Kind::kObject) return;
  AppendMemberName(out, "properties");
  out += '{';
  for (const auto& child : type.children) {
    AppendMemberName(out, child.name);
    out += '{';
    AppendType(out, child.type, true, incoming);
    out += '}';
  }
  out += '}';
}

void AppendLiteral(std::string& out, std::string_view name, const std::string& json) {
  AppendMemberName(out, name);
  out += json;
}

void AppendChoices(std::string& out, const Field& field, bool nullable) {
  if (field.in_json.empty()) return;
  AppendMemberName(out, "enum");
  out += '[';
  for (const auto& choice : field.in_json) {
    if (&choice != &field.in_json.front()) out += ',';
    out += choice;
  }
  out += nullable ? ",null]" : "]";
}

/// Bounds that JSON Schema has no word for stand in the description.
void AppendBounds(std::string& out, const Field& field) {
  const Kind kind = field.type.kind;
  std::string words = field.type.ToString();
  const auto bound = [&](const auto& json, std::string_view keyword,
                         std::string_view word) {
    if (!json) return;
    if (IsNumber(kind)) AppendLiteral(out, keyword, Unquoted(*json));
    if (!IsNumber(kind) || kind == Kind::kDecimal)
      words.append(", ").append(word).append(Unquoted(*json));
  };
  bound(field.min_json, "minimum", "at least ");
  bound(field.max_json, "maximum", "at most ");
  const bool array = kind == Kind::kArray;
  const auto length = [&](const auto& value, std::string_view text,
                          std::string_view items) {
    if (!value) return;
    if (kind != Kind::kBytes)
      AppendMember(out, array ? items : text, std::uint64_t{*value});
  };
  length(field.min_length, "minLength", "minItems");
  length(field.max_length, "maxLength", "maxItems");
  if (kind == Kind::kBytes && field.max_length)
    words += ", at most " + std::to_string(*field.max_length) + " bytes";
  if (field.generate != schema::Generate::kNone)
    words += ", made by the server where it is absent";
  AppendMember(out, "description", words);
}

bool IsKey(const schema::Collection& collection, const Field& field) {
  return field.name == collection.key;
}

bool Nullable(const schema::Collection& collection, const Field& field) {
  return !field.required && !IsKey(collection, field);
}

bool IsRequired(const schema::Collection& collection, const Field& field, BodyOf body) {
  if (body == BodyOf::kRecord) return true;
  if (body == BodyOf::kPatch) return false;
  if (IsKey(collection, field))
    return body == BodyOf::kCreate && field.generate == schema::Generate::kNone;
  return field.required && !field.default_json;
}

bool HasField(const schema::Collection& collection, const Field& field, BodyOf body) {
  return body != BodyOf::kPatch || !IsKey(collection, field);
}

void AppendField(std::string& out, const schema::Collection& collection,
                 const Field& field, BodyOf body) {
  const bool nullable = Nullable(collection, field);
  AppendMemberName(out, field.name);
  out += '{';
  AppendType(out, field.type, nullable, body != BodyOf::kRecord);
  AppendChoices(out, field, nullable);
  AppendBounds(out, field);
  if (field.default_json && body == BodyOf::kCreate)
    AppendLiteral(out, "default", *field.default_json);
  out += '}';
}

/// Name and value, by type, of what the collection adds to each record.
schema::Columns SystemColumns(const schema::Collection& collection) {
  auto columns = collection.DocumentColumns();
  columns.erase(columns.begin(),
                columns.begin() + static_cast<std::ptrdiff_t>(collection.fields.size()));
  return columns;
}

// Examples -----------------------------------------------------------------------------

std::string DecimalExample(const Type& type) {
  std::string text = type.precision > type.scale ? "1" : "0";
  if (type.scale > 0) text += '.' + std::string(type.scale, '0');
  return '"' + text + '"';
}

std::string ExampleOf(const Type& type);

std::string ObjectExample(const Type& type) {
  std::string out = "{";
  for (const auto& child : type.children) {
    AppendMemberName(out, child.name);
    out += ExampleOf(child.type);
  }
  return out += '}';
}

std::string ExampleOf(const Type& type) {
  switch (type.kind) {
    case Kind::kText:
      return "\"text\"";
    case Kind::kBoolean:
      return "true";
    case Kind::kInteger:
    case Kind::kBigint:
      return "1";
    case Kind::kDouble:
      return "1.5";
    case Kind::kDecimal:
      return DecimalExample(type);
    case Kind::kDate:
      return "\"2026-01-31\"";
    case Kind::kTimestamp:
      return "\"2026-01-31T10:00:00Z\"";
    case Kind::kUuid:
      return "\"019c13f0-8a40-7d2e-9f57-1c6a4be0d3a1\"";
    case Kind::kJson:
      return R"({"any":"value"})";
    case Kind::kBytes:
      return "\"AAEC\"";
    case Kind::kArray:
      return '[' + ExampleOf(type.children.front().type) + ']';
    case Kind::kObject:
      return ObjectExample(type);
  }
  return "null";
}

std::string TextExample(const Field& field) {
  auto length = kExampleText;
  if (field.min_length) length = std::max(length, *field.min_length);
  if (field.max_length) length = std::min(length, *field.max_length);
  std::string text = field.name;
  text.resize(length, '_');
  if (field.name.size() < length && !field.min_length) text.resize(field.name.size());
  return '"' + text + '"';
}

std::string ExampleOf(const Field& field) {
  if (field.default_json) return *field.default_json;
  if (!field.in_json.empty()) return field.in_json.front();
  if (field.min_json) return *field.min_json;
  if (field.max_json) return *field.max_json;
  if (field.type.kind == Kind::kText) return TextExample(field);
  if (field.type.kind != Kind::kArray) return ExampleOf(field.type);
  std::string out = "[";
  for (std::uint32_t i = 0; i < field.min_length.value_or(1); ++i)
    out += (i == 0 ? "" : ",") + ExampleOf(field.type.children.front().type);
  return out += ']';
}

std::string KeyExample(const Field& key) {
  switch (key.generate) {
    case schema::Generate::kUuidV7:
      return ExampleOf(Type::Simple(Kind::kUuid));
    case schema::Generate::kObjectId:
      return "\"65b8e3f0a1b2c3d4e5f60718\"";
    default:
      return ExampleOf(key);
  }
}

}  // namespace

std::string SchemaOf(const schema::Type& type) {
  std::string out = "{";
  AppendType(out, type, false, false);
  return out += '}';
}

std::string SchemaOf(const schema::Collection& collection, BodyOf body) {
  std::string out = R"({"type":"object","properties":{)", required;
  const auto require = [&](std::string_view name) {
    if (!required.empty()) required += ',';
    AppendJsonString(required, name);
  };
  for (const auto& field : collection.fields) {
    if (!HasField(collection, field, body)) continue;
    AppendField(out, collection, field, body);
    if (IsRequired(collection, field, body)) require(field.name);
  }
  if (body == BodyOf::kRecord) {
    for (const auto& column : SystemColumns(collection)) {
      AppendLiteral(out, column.name, SchemaOf(column.type));
      require(column.name);
    }
  }
  out += '}';
  if (!required.empty()) out += ",\"required\":[" + required + ']';
  if (body != BodyOf::kRecord) out += ",\"additionalProperties\":false";
  return out += '}';
}

std::string ExampleOf(const schema::Collection& collection, BodyOf body) {
  std::string out = "{";
  for (const auto& field : collection.fields) {
    const bool key = IsKey(collection, field);
    if (!HasField(collection, field, body)) continue;
    // Of what may be left out, the key: sent twice it would be a conflict.
    if (key && !IsRequired(collection, field, body)) continue;
    AppendLiteral(out, field.name, key ? KeyExample(field) : ExampleOf(field));
    if (body == BodyOf::kPatch) break;
  }
  if (body == BodyOf::kRecord) {
    for (const auto& column : SystemColumns(collection)) {
      const bool version = column.name == collection.version;
      AppendLiteral(
          out, column.name,
          version ? "\"00000000000000000000000200000000\"" : ExampleOf(column.type));
    }
  }
  return out += '}';
}

}  // namespace millrace::gateway
