#include <fmt/format.h>
#include <simdjson.h>

#include <chrono>
#include <limits>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "batch_impl.hpp"
#include "schema/record_codec.hpp"

namespace millrace::sql {
namespace {

using schema::Kind;

constexpr std::int64_t kUsPerDay = 86'400'000'000;
constexpr std::int32_t kFirstDay = -719'162;  // 0001-01-01
constexpr std::int32_t kEndDay = 2'932'897;   // 10000-01-01

/// SQL can compute what our texts cannot say: infinities, and years outside 1 to 9999.
/// These are written as the engine reads them back, year 0 before year 1.
void AppendFarDate(std::string& out, std::int64_t days) {
  // A calendar that repeats: the library's years end at 32767, the engine's much later.
  constexpr std::int64_t kCycleDays = 146'097, kCycleYears = 400;
  const auto cycle = (days >= 0 ? days : days - kCycleDays + 1) / kCycleDays;
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days(days - cycle * kCycleDays)}};
  const auto year = static_cast<int>(date.year()) + cycle * kCycleYears;
  out +=
      fmt::format("{}{:04}-{:02}-{:02}", year < 0 ? "-" : "", year < 0 ? -year : year,
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

void AppendAnyDate(std::string& out, std::int32_t days) {
  constexpr auto kInfinity = std::numeric_limits<std::int32_t>::max();
  if (days >= kFirstDay && days < kEndDay) {
    AppendDate(out, days);
  } else if (days == kInfinity || days == -kInfinity) {
    out += days > 0 ? "infinity" : "-infinity";
  } else {
    AppendFarDate(out, days);
  }
}

void AppendAnyTimestamp(std::string& out, std::int64_t us) {
  constexpr auto kInfinity = std::numeric_limits<std::int64_t>::max();
  if (us >= kFirstDay * kUsPerDay && us < kEndDay * kUsPerDay) {
    AppendTimestamp(out, us);
  } else if (us == kInfinity || us == -kInfinity) {
    out += us > 0 ? "infinity" : "-infinity";
  } else {
    const std::int64_t days = us / kUsPerDay - (us % kUsPerDay < 0 ? 1 : 0);
    std::string time;
    AppendTimestamp(time, us - days * kUsPerDay);
    AppendFarDate(out, days);
    out += time.substr(time.find('T'));
  }
}

Uuid ReadUuid(const void* data, std::size_t row) {
  const auto& value = static_cast<const duckdb_hugeint*>(data)[row];
  const auto high = static_cast<std::uint64_t>(value.upper) ^ (std::uint64_t{1} << 63);
  Uuid uuid;
  for (std::size_t i = 0; i < 8; ++i) {
    uuid[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    uuid[8 + i] = static_cast<std::uint8_t>(value.lower >> (56 - 8 * i));
  }
  return uuid;
}

/// Without the spaces between tokens; SQL may have made them.
void AppendMinified(std::string& out, std::string_view json) {
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\' && i + 1 < json.size()) {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (quoted || !space) out += c;
  }
}

/// The engine takes NaN, Infinity and commas before a bracket for JSON, and does not look
/// into what a file calls JSON.
bool IsJson(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element ignored;
  if (parser.parse(text.data(), text.size()).get(ignored) == simdjson::SUCCESS) {
    return true;
  }
  // That parser has no numbers of more than 64 bits.
  std::string padded(text);
  padded.reserve(padded.size() + simdjson::SIMDJSON_PADDING);
  return schema::MinifyJson(padded).has_value();
}

/// As it stands, so that whole rows are JSON; what is none as a text.
void AppendAnyJson(std::string& out, std::string_view text) {
  if (IsJson(text)) {
    AppendMinified(out, text);
  } else {
    AppendJsonString(out, text);
  }
}

void AppendList(std::string& out, const ColumnType& type, const VectorView& view,
                std::size_t row) {
  const auto& entry = static_cast<const duckdb_list_entry*>(view.data)[row];
  const auto child = VectorView::Of(duckdb_list_vector_get_child(view.vector));
  out += '[';
  for (std::uint64_t i = 0; i < entry.length; ++i) {
    if (i > 0) out += ',';
    AppendValueJson(out, type.children.front(), child, entry.offset + i);
  }
  out += ']';
}

void AppendStruct(std::string& out, const ColumnType& type, const VectorView& view,
                  std::size_t row) {
  out += '{';
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonKey(out, type.type.children[i].name);
    const auto child = VectorView::Of(duckdb_struct_vector_get_child(view.vector, i));
    AppendValueJson(out, type.children[i], child, row);
  }
  out += '}';
}

double ReadDouble(const ColumnType& type, const void* data, std::size_t row) {
  if (type.physical == Physical::kDouble) return static_cast<const double*>(data)[row];
  return static_cast<double>(static_cast<const float*>(data)[row]);
}

/// Those that are JSON strings of plain characters.
void AppendQuoted(std::string& out, const ColumnType& type, const VectorView& view,
                  std::size_t row) {
  out += '"';
  if (type.type.kind == Kind::kDecimal) {
    AppendDecimal(out, ReadInt128(type.physical, view.data, row), type.type.scale);
  } else if (type.type.kind == Kind::kDate) {
    AppendAnyDate(out, static_cast<const std::int32_t*>(view.data)[row]);
  } else if (type.type.kind == Kind::kTimestamp) {
    AppendAnyTimestamp(out, static_cast<const std::int64_t*>(view.data)[row]);
  } else if (type.type.kind == Kind::kUuid) {
    AppendUuid(out, ReadUuid(view.data, row));
  } else {
    AppendBase64(out, ReadText(view.data, row));
  }
  out += '"';
}

}  // namespace

void AppendValueJson(std::string& out, const ColumnType& type, const VectorView& view,
                     std::size_t row) {
  if (view.null(row)) {
    out += "null";
    return;
  }
  switch (type.type.kind) {
    case Kind::kText:
      return AppendJsonString(out, ReadText(view.data, row));
    case Kind::kJson:
      return AppendAnyJson(out, ReadText(view.data, row));
    case Kind::kBoolean:
      out += ReadInt64(type.physical, view.data, row) != 0 ? "true" : "false";
      return;
    case Kind::kInteger:
    case Kind::kBigint:
      return AppendInt(out, ReadInt64(type.physical, view.data, row));
    case Kind::kDouble:
      return AppendDouble(out, ReadDouble(type, view.data, row));
    case Kind::kDecimal:
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kUuid:
    case Kind::kBytes:
      return AppendQuoted(out, type, view, row);
    case Kind::kArray:
      return AppendList(out, type, view, row);
    case Kind::kObject:
      return AppendStruct(out, type, view, row);
  }
}

void Batch::AppendJsonRow(std::string& out, std::size_t row,
                          const std::vector<std::size_t>& indexes) const {
  const std::size_t count = indexes.empty() ? columns().size() : indexes.size();
  out += '{';
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t column = indexes.empty() ? i : indexes[i];
    if (i > 0) out += ',';
    AppendJsonKey(out, columns()[column].name);
    AppendJson(out, column, row);
  }
  out += '}';
}

}  // namespace millrace::sql
