#include "schema/type.hpp"

#include <charconv>

#include "base/bytes.hpp"

namespace millrace::schema {
namespace {

constexpr int kMaxPrecision = 38;
constexpr std::size_t kMaxArrayDepth = 8;
constexpr std::string_view kHelp =
    "types are text, boolean, integer, bigint, double, decimal(p,s), date, timestamp, "
    "uuid, json, bytes, and arrays of these: text[]";

struct Name {
  Kind kind;
  std::string_view text;
  std::string_view sql;
};

constexpr Name kNames[] = {
    {Kind::kText, "text", "VARCHAR"},
    {Kind::kBoolean, "boolean", "BOOLEAN"},
    {Kind::kInteger, "integer", "INTEGER"},
    {Kind::kBigint, "bigint", "BIGINT"},
    {Kind::kDouble, "double", "DOUBLE"},
    {Kind::kDecimal, "decimal", "DECIMAL"},
    {Kind::kDate, "date", "DATE"},
    {Kind::kTimestamp, "timestamp", "TIMESTAMPTZ"},
    {Kind::kUuid, "uuid", "UUID"},
    {Kind::kJson, "json", "JSON"},
    {Kind::kBytes, "bytes", "BLOB"},
};

/// What people write who come from elsewhere; too far for an edit distance.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"string", "text"},        {"varchar", "text"},
    {"char", "text"},          {"bool", "boolean"},
    {"int", "integer"},        {"int32", "integer"},
    {"int64", "bigint"},       {"long", "bigint"},
    {"float", "double"},       {"real", "double"},
    {"number", "double"},      {"numeric", "decimal(p,s)"},
    {"datetime", "timestamp"}, {"timestamptz", "timestamp"},
    {"jsonb", "json"},         {"object", "json"},
    {"blob", "bytes"},         {"binary", "bytes"},
    {"bytea", "bytes"},        {"guid", "uuid"},
};

const Name* FindName(Kind kind) {
  for (const auto& name : kNames) {
    if (name.kind == kind) return &name;
  }
  return nullptr;
}

std::string_view Suggestion(std::string_view text) {
  for (const auto& [other, ours] : kOtherNames) {
    if (other == text) return ours;
  }
  std::string_view names[std::size(kNames)];
  for (std::size_t i = 0; i < std::size(kNames); ++i) names[i] = kNames[i].text;
  return NearMiss(text, names, std::size(names));
}

std::unexpected<Error> Unknown(std::string_view text) {
  auto message = Excerpt(text) + " is not a type";
  if (const auto near = Suggestion(text); !near.empty()) {
    message += "; did you mean " + std::string(near) + "?";
  }
  return Fail(ErrorCode::kInvalidArgument, message + " (" + std::string(kHelp) + ")");
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool ParseSmall(std::string_view text, int& out) {
  text = Trim(text);
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, out);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

/// "decimal(10,2)" or "decimal(10)".
Result<Type> ParseDecimalType(std::string_view text) {
  const auto refuse = [&] {
    return Fail(
        ErrorCode::kInvalidArgument,
        Excerpt(text) +
            ": write decimal(p,s) with 1 to 38 digits, s of them after the point: "
            "decimal(10,2)");
  };
  auto inside = text.substr(std::string_view("decimal").size());
  if (!inside.starts_with('(') || !inside.ends_with(')')) return refuse();
  inside = inside.substr(1, inside.size() - 2);
  const auto comma = inside.find(',');
  int precision = 0;
  int scale = 0;
  if (!ParseSmall(inside.substr(0, comma), precision)) return refuse();
  if (comma != inside.npos && !ParseSmall(inside.substr(comma + 1), scale))
    return refuse();
  if (precision < 1 || precision > kMaxPrecision || scale < 0 || scale > precision) {
    return refuse();
  }
  return Type::Decimal(precision, scale);
}

std::string DecimalArguments(const Type& type) {
  return "(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
}

void AppendQuoted(std::string& out, std::string_view name) {
  out += '"';
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

Result<Type> Type::Parse(std::string_view text) {
  const auto whole = Trim(text);
  auto base = whole;
  std::size_t arrays = 0;
  while (base.ends_with("[]")) {
    base = Trim(base.substr(0, base.size() - 2));
    ++arrays;
  }
  if (arrays > kMaxArrayDepth) {
    return Fail(ErrorCode::kInvalidArgument, Excerpt(whole) + ": at most 8 times []");
  }
  Result<Type> type = Unknown(base);
  for (const auto& name : kNames) {
    if (name.text == base) type = Simple(name.kind);
  }
  if (base.starts_with("decimal")) type = ParseDecimalType(base);
  if (!type) return type;
  for (; arrays > 0; --arrays) {
    Type array = Simple(Kind::kArray);
    array.children.push_back({"", std::move(*type)});
    type = std::move(array);
  }
  return type;
}

Type Type::Decimal(int precision, int scale) {
  return Type{Kind::kDecimal,
              static_cast<std::uint8_t>(precision),
              static_cast<std::uint8_t>(scale),
              {}};
}

std::string Type::ToString() const {
  if (kind == Kind::kArray) return children[0].type.ToString() + "[]";
  if (kind != Kind::kObject) {
    const auto arguments = kind == Kind::kDecimal ? DecimalArguments(*this) : "";
    return std::string(FindName(kind)->text) + arguments;
  }
  std::string out = "{";
  for (const auto& child : children) {
    if (out.size() > 1) out += ", ";
    out += child.name + ": " + child.type.ToString();
  }
  return out + "}";
}

std::string Type::ToSql() const {
  if (kind == Kind::kArray) return children[0].type.ToSql() + "[]";
  if (kind != Kind::kObject) {
    const auto arguments = kind == Kind::kDecimal ? DecimalArguments(*this) : "";
    return std::string(FindName(kind)->sql) + arguments;
  }
  std::string out = "STRUCT(";
  for (const auto& child : children) {
    if (!out.ends_with('(')) out += ", ";
    AppendQuoted(out, child.name);
    out += ' ';
    out += child.type.ToSql();
  }
  return out + ")";
}

bool operator==(const Type& a, const Type& b) {
  return a.kind == b.kind && a.precision == b.precision && a.scale == b.scale &&
         a.children == b.children;
}

bool Widens(const Type& from, const Type& to) {
  if (from == to) return true;
  if (from.kind == Kind::kArray && to.kind == Kind::kArray) {
    return Widens(from.children[0].type, to.children[0].type);
  }
  if (from.kind == Kind::kInteger) return to.kind == Kind::kBigint;
  // Another scale would write another number of digits.
  return from.kind == Kind::kDecimal && to.kind == Kind::kDecimal &&
         from.scale == to.scale && from.precision < to.precision;
}

}  // namespace millrace::schema
