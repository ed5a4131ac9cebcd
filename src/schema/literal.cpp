#include "literal.hpp"

#include <charconv>
#include <cstring>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "schema/record_codec.hpp"

namespace millrace::schema {
namespace {

/// Past the closing quote of the string that begins at `at` (its opening quote).
std::size_t SkipString(std::string_view json, std::size_t at) {
  ++at;
  while (true) {
    const auto* quote =
        static_cast<const char*>(std::memchr(json.data() + at, '"', json.size() - at));
    if (quote == nullptr) return json.size();
    const auto end = static_cast<std::size_t>(quote - json.data());
    // Escaped, if an odd number of backslashes stands before it.
    auto slash = end;
    while (slash > at && json[slash - 1] == '\\') --slash;
    at = end + 1;
    if ((end - slash) % 2 == 0) return at;
  }
}

/// Past the value that begins at `at`.
std::size_t SkipValue(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  while (at < json.size()) {
    switch (json[at]) {
      case '"':
        at = SkipString(json, at);
        if (depth == 0) return at;
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;
        if (--depth == 0) return at + 1;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
    ++at;
  }
  return at;
}

std::uint32_t HexAt(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  if (at + 4 <= text.size()) std::from_chars(&text[at], &text[at] + 4, value, 16);
  return value;
}

void AppendUtf8(std::string& out, std::uint32_t point) {
  const auto tail = [&](std::uint32_t bits) {
    out += static_cast<char>(0x80u | (bits & 0x3fu));
  };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0u | (point >> 6u));
    tail(point);
  } else {
    out += static_cast<char>(0xe0u | (point >> 12u));
    tail(point >> 6u);
    tail(point);
  }
}

/// Decimals as text of one width, so that memcmp orders them: '1' and the digits, or '0'
/// and nine minus each digit for what is below zero.
std::string SortableDecimal(Int128 unscaled) {
  constexpr std::size_t kDigits = 39;
  std::string digits;
  digits.reserve(kDigits + 1);
  AppendDecimal(digits, unscaled < 0 ? -unscaled : unscaled, 0);
  std::string out(kDigits + 1 - digits.size(), '0');
  out += digits;
  if (unscaled < 0) {
    for (auto& digit : out) digit = static_cast<char>('0' + '9' - digit);
  }
  out[0] = unscaled < 0 ? '0' : '1';
  return out;
}

template <typename T>
Result<T> ReadNumber(std::string_view literal) {
  T value{};
  const char* const end = literal.data() + literal.size();
  const auto parsed = std::from_chars(literal.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Fail(ErrorCode::kInvalidArgument, Excerpt(literal) + " is not a number");
  }
  return value;
}

}  // namespace

std::string_view Unquote(std::string_view literal, std::string& buffer) {
  const auto inside = literal.substr(1, literal.size() - 2);
  auto slash = inside.find('\\');
  if (slash == inside.npos) return inside;
  buffer.assign(inside, 0, slash);
  for (auto at = slash; at < inside.size(); ++at) {
    if (inside[at] != '\\' || at + 1 == inside.size()) {
      buffer += inside[at];
      continue;
    }
    switch (const char c = inside[++at]) {
      case 'b':
        buffer += '\b';
        break;
      case 'f':
        buffer += '\f';
        break;
      case 'n':
        buffer += '\n';
        break;
      case 'r':
        buffer += '\r';
        break;
      case 't':
        buffer += '\t';
        break;
      case 'u':
        // The canonical form has \u only for control characters: no pairs.
        AppendUtf8(buffer, HexAt(inside, at + 1));
        at += 4;
        break;
      default:
        buffer += c;
        break;
    }
  }
  return buffer;
}

std::string TextOf(std::string_view literal) {
  if (!literal.starts_with('"')) return std::string(literal);
  std::string buffer;
  return std::string(Unquote(literal, buffer));
}

Result<Scalar> ReadScalar(const Type& type, std::string_view literal,
                          std::string& buffer) {
  Scalar scalar;
  const bool quoted = literal.size() >= 2 && literal.front() == '"';
  if (quoted) scalar.text = Unquote(literal, buffer);
  switch (type.kind) {
    case Kind::kBoolean:
      scalar.whole = literal == "true" ? 1 : 0;
      return scalar;
    case Kind::kInteger:
    case Kind::kBigint: {
      MR_TRY(scalar.whole, ReadNumber<std::int64_t>(literal));
      return scalar;
    }
    case Kind::kDouble: {
      MR_TRY(scalar.real, ReadNumber<double>(literal));
      return scalar;
    }
    case Kind::kDecimal: {
      MR_TRY(scalar.whole,
             ParseDecimal(quoted ? scalar.text : literal, type.precision, type.scale));
      return scalar;
    }
    case Kind::kDate: {
      MR_TRY(scalar.whole, ParseDate(scalar.text));
      return scalar;
    }
    case Kind::kTimestamp: {
      MR_TRY(scalar.whole, ParseTimestamp(scalar.text));
      return scalar;
    }
    case Kind::kBytes: {
      MR_TRY(const auto bytes, DecodeBase64(scalar.text));
      scalar.byte_count = bytes.size();
      return scalar;
    }
    case Kind::kText:
    case Kind::kUuid:
    case Kind::kJson:
    case Kind::kArray:
    case Kind::kObject:
      break;
  }
  return scalar;
}

bool Members::Next() {
  // What is left begins with '{' or ',' before a member, with '}' at the end.
  if (rest_.size() < 2 || rest_[0] == '}' || rest_[1] != '"') return false;
  const auto name_end = SkipString(rest_, 1);
  if (name_end >= rest_.size()) return false;
  raw_name_ = rest_.substr(2, name_end - 3);
  const auto end = SkipValue(rest_, name_end + 1);
  value_ = rest_.substr(name_end + 1, end - name_end - 1);
  rest_.remove_prefix(end);
  return true;
}

std::string_view FindMember(std::string_view document, std::string_view name) {
  Members members(document);
  while (members.Next()) {
    if (members.raw_name() == name) return members.value();
  }
  return {};
}

Result<SortValue> ToSortValue(const Type& type, std::string_view literal) {
  SortValue value;
  if (literal.empty() || literal == "null") return value;
  std::string buffer;
  MR_TRY(const auto scalar, ReadScalar(type, literal, buffer));
  switch (type.kind) {
    case Kind::kBoolean:
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDate:
    case Kind::kTimestamp:
      value.tag = SortValue::Tag::kInteger;
      value.integer = static_cast<std::int64_t>(scalar.whole);
      return value;
    case Kind::kDouble:
      value.tag = SortValue::Tag::kReal;
      value.real = scalar.real;
      return value;
    default:
      break;
  }
  value.tag = SortValue::Tag::kText;
  if (type.kind == Kind::kDecimal) {
    value.text = SortableDecimal(scalar.whole);
  } else if (type.kind == Kind::kText || type.kind == Kind::kUuid) {
    value.text = scalar.text;
  } else if (type.kind == Kind::kBytes) {
    // Base64 does not sort as its bytes do.
    MR_TRY(value.text, DecodeBase64(scalar.text));
  } else {
    value.text = literal;
  }
  return value;
}

}  // namespace millrace::schema
