#include "canonical_decoder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace millrace::pipeline {
namespace {

using schema::Kind;

/// No escape and no control character, and UTF-8: then quotes are where strings end.
bool IsPlain(std::string_view document) {
  bool other = false;
  for (const char c : document) {
    other |= (static_cast<unsigned char>(c) < 0x20) | (c == '\\');
  }
  return !other && simdjson::validate_utf8(document.data(), document.size());
}

/// A JSON number without a sign in front of its digits but '-'.
bool IsNumber(std::string_view token) {
  const auto digit = [&token](std::size_t at) {
    return at < token.size() && token[at] >= '0' && token[at] <= '9';
  };
  std::size_t at = token.starts_with('-') ? 1 : 0;
  if (!digit(at)) return false;
  if (token[at] == '0') {
    ++at;
  } else {
    while (digit(at)) ++at;
  }
  if (at < token.size() && token[at] == '.') {
    if (!digit(++at)) return false;
    while (digit(at)) ++at;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    if (!digit(at)) return false;
    while (digit(at)) ++at;
  }
  return at == token.size();
}

template <typename T>
bool ReadWhole(std::string_view token, T& into) {
  const char* const end = token.data() + token.size();
  const auto [read, error] = std::from_chars(token.data(), end, into);
  return error == std::errc() && read == end;
}

/// Of what is not in quotes: null, true, false, or a number.
bool ReadBare(std::string_view token, Kind kind, Value& out) {
  if (token == "null") {
    out.tag = Value::Tag::kNull;
    return true;
  }
  out.tag = Value::Tag::kInteger;
  switch (kind) {
    case Kind::kBoolean:
      out.integer = token == "true" ? 1 : 0;
      return out.integer == 1 || token == "false";
    case Kind::kInteger:
      return IsNumber(token) && ReadWhole(token, out.integer) &&
             out.integer >= std::numeric_limits<std::int32_t>::min() &&
             out.integer <= std::numeric_limits<std::int32_t>::max();
    case Kind::kBigint:
      return IsNumber(token) && ReadWhole(token, out.integer);
    case Kind::kDouble:
      out.tag = Value::Tag::kDouble;
      return IsNumber(token) && ReadWhole(token, out.real);
    default:
      return false;
  }
}

/// Length of the value at the begin of `rest`: a string with its quotes, or what is bare;
/// 0: neither.
std::size_t ValueSize(std::string_view rest) {
  if (rest.starts_with('"')) {
    const void* const end = std::memchr(rest.data() + 1, '"', rest.size() - 1);
    if (end == nullptr) return 0;
    return static_cast<std::size_t>(static_cast<const char*>(end) - rest.data()) + 1;
  }
  if (rest.starts_with('{') || rest.starts_with('[')) return 0;
  std::size_t size = 0;
  while (size < rest.size() && rest[size] != ',' && rest[size] != '}') ++size;
  return size;
}

}  // namespace

CanonicalDecoder::CanonicalDecoder(const schema::Columns& document,
                                   const std::vector<std::size_t>& columns) {
  const std::size_t size = columns.empty() ? 0 : std::ranges::max(columns) + 1;
  for (std::size_t i = 0; i < size; ++i) {
    const auto found = std::ranges::find(columns, i);
    const std::size_t slot = found == columns.end()
                                 ? kUnwanted
                                 : static_cast<std::size_t>(found - columns.begin());
    members_.push_back({"\"" + document[i].name + "\":", slot, document[i].type});
  }
}

bool CanonicalDecoder::Decode(std::string_view document, std::vector<Value>& values,
                              std::vector<bool>& present) const {
  if (!document.starts_with('{') || !IsPlain(document)) return false;
  std::string_view rest = document.substr(1);
  for (const Member& member : members_) {
    // A document from before the field does not have it.
    if (!rest.starts_with(member.head)) continue;
    rest.remove_prefix(member.head.size());
    const std::size_t size = ValueSize(rest);
    if (size == 0 || size == rest.size()) return false;
    if (member.slot != kUnwanted) {
      const std::string_view token = rest.substr(0, size);
      Value& value = values[member.slot];
      const bool read = token.front() == '"'
                            ? ParseText(token.substr(1, size - 2), member.type, value)
                            : ReadBare(token, member.type.kind, value);
      if (!read) return false;
      present[member.slot] = true;
    }
    const char after = rest[size];
    rest.remove_prefix(size + 1);
    if (after == '}') return rest.empty();
    if (after != ',') return false;
  }
  // What was not found may stand further behind.
  return std::ranges::find(present, false) == present.end();
}

}  // namespace millrace::pipeline
