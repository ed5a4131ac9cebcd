#include "value_check.hpp"

#include <algorithm>
#include <cstring>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"

namespace millrace::schema {
namespace {

std::string_view WhatStands(char first) {
  switch (first) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

bool CanBegin(char first) {
  return first == '-' || (first >= '0' && first <= '9') || first == '"' || first == '{' ||
         first == '[' || first == 't' || first == 'f' || first == 'n';
}

bool IsWholeNumber(std::string_view token) {
  return token.find_first_of(".eE") == token.npos;
}

std::string Requirement(const Type& type) { return "must be " + Expectation(type); }

}  // namespace

std::string_view TrimmedToken(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') {
    token.remove_suffix(1);
  }
  return token;
}

ondemand::parser& ThreadParser() {
  thread_local ondemand::parser parser;
  return parser;
}

bool AtEnd(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

std::string BrokenReason(simdjson::error_code code) {
  return simdjson::error_message(code);
}

std::string Expectation(const Type& type) {
  switch (type.kind) {
    case Kind::kText:
      return "a string";
    case Kind::kBoolean:
      return "true or false";
    case Kind::kInteger:
      return "a whole number from -2147483648 to 2147483647";
    case Kind::kBigint:
      return "a whole number of 64 bits";
    case Kind::kDouble:
      return "a number that a double can hold";
    case Kind::kDecimal:
      return "a decimal with at most " + std::to_string(type.precision - type.scale) +
             " digits before and " + std::to_string(type.scale) + " after the point";
    case Kind::kDate:
      return "a date, as \"2013-01-31\"";
    case Kind::kTimestamp:
      return "a timestamp, as \"2013-01-31T10:00:00Z\"";
    case Kind::kUuid:
      return "a UUID, as \"018bcfe5-6800-7000-8000-000000000000\"";
    case Kind::kJson:
      return "JSON";
    case Kind::kBytes:
      return "base64 text";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "something else";
}

bool ValueCheck::Refuse(const Path* where, std::string message) {
  problems_.Add(where, std::move(message));
  return false;
}

bool ValueCheck::Break(simdjson::error_code code) {
  problems_.Break(BrokenReason(code));
  return false;
}

bool ValueCheck::WrongType(const Type& type, char first, const Path* where) {
  return Refuse(where, Requirement(type) + ", not " + std::string(WhatStands(first)));
}

bool ValueCheck::Check(const Type& type, ondemand::value value, const Path* where,
                       int depth, std::string& out, Scalar* scalar) {
  const char first = value.raw_json_token()[0];
  if (!CanBegin(first)) {
    problems_.Break(Excerpt(TrimmedToken(value)) + " is not a JSON value");
    return false;
  }
  if (type.kind == Kind::kJson) return Minify(value, where, depth, out);
  if (first == 'n') {
    bool is_null = false;
    if (const auto code = value.is_null().get(is_null); code != simdjson::SUCCESS) {
      return Break(code);
    }
    out += "null";
    return true;
  }
  switch (type.kind) {
    case Kind::kBoolean:
      if (first != 't' && first != 'f') return WrongType(type, first, where);
      return CheckBoolean(value, where, out, scalar);
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDouble:
      if (first != '-' && (first < '0' || first > '9')) {
        return WrongType(type, first, where);
      }
      return CheckNumber(type, value, where, out, scalar);
    case Kind::kDecimal:
      if (first == '-' || (first >= '0' && first <= '9')) {
        return CheckNumber(type, value, where, out, scalar);
      }
      [[fallthrough]];
    case Kind::kText:
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kUuid:
    case Kind::kBytes:
      if (first != '"') return WrongType(type, first, where);
      return CheckString(type, value, where, out, scalar);
    case Kind::kArray:
      if (first != '[') return WrongType(type, first, where);
      return CheckArray(type, value, where, depth, out);
    case Kind::kObject:
      if (first != '{') return WrongType(type, first, where);
      return CheckObject(type, value, where, depth, out);
    case Kind::kJson:
      break;
  }
  return false;
}

bool ValueCheck::CheckBoolean(ondemand::value& value, const Path*, std::string& out,
                              Scalar* scalar) {
  bool truth = false;
  if (const auto code = value.get_bool().get(truth); code != simdjson::SUCCESS) {
    return Break(code);
  }
  out += truth ? "true" : "false";
  if (scalar != nullptr) scalar->whole = truth ? 1 : 0;
  return true;
}

bool ValueCheck::CheckNumber(const Type& type, ondemand::value& value, const Path* where,
                             std::string& out, Scalar* scalar) {
  Scalar unused;
  Scalar& result = scalar != nullptr ? *scalar : unused;
  const auto token = TrimmedToken(value);
  if (type.kind == Kind::kDecimal) {
    // From the token: a double on the way would change the digits.
    const auto decimal = ParseDecimal(token, type.precision, type.scale);
    double ignored = 0;  // only to walk on
    if (!decimal || value.get_double().get(ignored) != simdjson::SUCCESS) {
      return Refuse(where, decimal ? Requirement(type) : decimal.error().message());
    }
    out += '"';
    AppendDecimal(out, *decimal, type.scale);
    out += '"';
    result.whole = *decimal;
    return true;
  }
  if (type.kind == Kind::kDouble) {
    if (value.get_double().get(result.real) != simdjson::SUCCESS) {
      return Refuse(where, Requirement(type) + ", not " + Excerpt(token));
    }
    AppendDouble(out, result.real);
    return true;
  }
  std::int64_t whole = 0;
  const bool fits =
      IsWholeNumber(token) && value.get_int64().get(whole) == simdjson::SUCCESS &&
      (type.kind == Kind::kBigint || whole == static_cast<std::int32_t>(whole));
  if (!fits) return Refuse(where, Requirement(type) + ", not " + Excerpt(token));
  AppendInt(out, whole);
  result.whole = whole;
  return true;
}

bool ValueCheck::ReadText(ondemand::value& value, const Path* where, Text* text) {
  text->quoted = TrimmedToken(value);
  text->escaped = std::memchr(text->quoted.data(), '\\', text->quoted.size()) != nullptr;
  if (!text->escaped) {
    ondemand::raw_json_string ignored;  // only to walk on
    if (const auto code = value.get_raw_json_string().get(ignored); code)
      return Break(code);
    text->content = text->quoted.substr(1, text->quoted.size() - 2);
    return true;
  }
  if (value.get_string().get(text->content) != simdjson::SUCCESS) {
    return Refuse(where, "has a broken escape or half of a surrogate pair");
  }
  if (text->content.find('\0') != std::string_view::npos) {
    return Refuse(where, "has the character NUL, which no store can keep");
  }
  return true;
}

bool ValueCheck::CheckString(const Type& type, ondemand::value& value, const Path* where,
                             std::string& out, Scalar* scalar) {
  Text text;
  if (!ReadText(value, where, &text)) return false;
  Scalar unused;
  Scalar& result = scalar != nullptr ? *scalar : unused;
  result.text = text.content;
  const auto refuse = [&](const Error& error) { return Refuse(where, error.message()); };
  if (type.kind == Kind::kText) {
    if (text.escaped) {
      AppendJsonString(out, text.content);
    } else {
      out += text.quoted;
    }
    return true;
  }
  out += '"';
  if (type.kind == Kind::kDecimal) {
    const auto decimal = ParseDecimal(text.content, type.precision, type.scale);
    if (!decimal) return refuse(decimal.error());
    AppendDecimal(out, *decimal, type.scale);
    result.whole = *decimal;
  } else if (type.kind == Kind::kDate) {
    const auto date = ParseDate(text.content);
    if (!date) return refuse(date.error());
    AppendDate(out, *date);
    result.whole = *date;
  } else if (type.kind == Kind::kTimestamp) {
    const auto at = ParseTimestamp(text.content);
    if (!at) return refuse(at.error());
    AppendTimestamp(out, *at);
    result.whole = *at;
  } else if (type.kind == Kind::kUuid) {
    const auto uuid = ParseUuid(text.content);
    if (!uuid) return refuse(uuid.error());
    AppendUuid(out, *uuid);
  } else {
    const auto bytes = DecodeBase64(text.content);
    if (!bytes) return Refuse(where, Requirement(type) + " with padding");
    out += text.content;
    result.byte_count = bytes->size();
  }
  out += '"';
  return true;
}

bool ValueCheck::CheckArray(const Type& type, ondemand::value& value, const Path* where,
                            int depth, std::string& out) {
  if (depth > kMaxDepth) return Refuse(where, "is nested more than 64 deep");
  ondemand::array array;
  if (const auto code = value.get_array().get(array); code) return Break(code);
  bool good = true;
  std::size_t index = 0;
  out += '[';
  for (auto element : array) {
    ondemand::value item;
    if (const auto code = element.get(item); code) return Break(code);
    if (index > 0) out += ',';
    const auto path = Path::Element(where, index++);
    good = Check(type.children[0].type, item, &path, depth + 1, out, nullptr) && good;
    if (problems_.broken()) return false;
  }
  out += ']';
  return good;
}

bool ValueCheck::CheckObject(const Type& type, ondemand::value& value, const Path* where,
                             int depth, std::string& out) {
  if (depth > kMaxDepth) return Refuse(where, "is nested more than 64 deep");
  ondemand::object object;
  if (const auto code = value.get_object().get(object); code) return Break(code);
  std::vector<std::string> literals(type.children.size());
  bool good = true;
  for (auto result : object) {
    ondemand::field field;
    if (const auto code = std::move(result).get(field); code) return Break(code);
    std::string_view name;
    if (!Name(field, where, &name)) return false;
    const auto path = Path::Member(where, name);
    const auto child = std::find_if(type.children.begin(), type.children.end(),
                                    [&](const auto& c) { return c.name == name; });
    if (child == type.children.end()) {
      good = Refuse(&path, "is not a field of this object");
      continue;
    }
    auto& literal = literals[static_cast<std::size_t>(child - type.children.begin())];
    if (!literal.empty()) {
      good = Refuse(&path, "is given twice");
      continue;
    }
    good = Check(child->type, field.value(), &path, depth + 1, literal, nullptr) && good;
    if (literal.empty()) literal = "null";  // it was given, though badly
    if (problems_.broken()) return false;
  }
  out += '{';
  for (std::size_t i = 0; i < literals.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonKey(out, type.children[i].name);
    out += literals[i].empty() ? std::string_view("null") : literals[i];
  }
  out += '}';
  return good;
}

bool ValueCheck::Name(ondemand::field& field, const Path* object,
                      std::string_view* name) {
  const char* const begin = field.key().raw();
  const char* end = begin;
  while (*end != '"' && *end != '\\') ++end;  // the closing quote is known to be there
  if (*end == '"') {
    *name = {begin, static_cast<std::size_t>(end - begin)};
    return true;
  }
  if (field.unescaped_key().get(*name) != simdjson::SUCCESS ||
      name->find('\0') != name->npos) {
    problems_.Add(object, "has a name with a broken escape, NUL or half of a pair");
    return false;
  }
  return true;
}

bool CheckText(const Type& type, std::string_view json, const Path* where,
               Problems& problems, std::string& out, Scalar* scalar) {
  // In an array, so that scalars are values like any other.
  std::string body;
  body.reserve(json.size() + 2 + kJsonPadding);
  body.append("[").append(json).append("]");
  ondemand::document document;
  ondemand::array array;
  auto code =
      ThreadParser().iterate(body.data(), body.size(), body.capacity()).get(document);
  if (code == simdjson::SUCCESS) code = document.get_array().get(array);
  ValueCheck check(problems);
  if (code != simdjson::SUCCESS) return check.Break(code);
  bool good = true;
  std::size_t count = 0;
  for (auto element : array) {
    ondemand::value value;
    if (element.get(value) != simdjson::SUCCESS || ++count > 1) {
      return check.Break(simdjson::TAPE_ERROR);
    }
    good = check.Check(type, value, where, 1, out, scalar);
    if (problems.broken()) return false;
  }
  if (count != 1) return check.Break(simdjson::EMPTY);
  if (good && !AtEnd(document)) return check.Break(simdjson::TRAILING_CONTENT);
  return good;
}

}  // namespace millrace::schema
