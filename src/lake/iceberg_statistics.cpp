#include <algorithm>
#include <bit>
#include <filesystem>

#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "iceberg_manifest.hpp"

namespace millrace::lake {
namespace {

using schema::Kind;

constexpr std::size_t kTextBound = 16;

bool HasBounds(const schema::Type& type) {
  return type.scalar() && type.kind != Kind::kDouble && type.kind != Kind::kBytes;
}

std::string LittleEndian(std::uint64_t value, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

/// Big-endian two's complement in as few bytes as it takes.
std::string Minimal(Int128 value) {
  std::string out;
  bool sign_fits = false;
  do {
    const auto byte = static_cast<std::uint8_t>(value);
    out += static_cast<char>(byte);
    value >>= 8;
    sign_fits = value == ((byte & 0x80u) != 0 ? -1 : 0);
  } while (!sign_fits);
  std::ranges::reverse(out);
  return out;
}

bool Plain(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= ' ' && c < 0x7f && c != '\\'; });
}

/// Empty where the engine's text form of a bound may not be the value itself.
std::optional<std::string> TextBound(std::string_view text, bool upper) {
  if (!Plain(text)) return std::nullopt;
  std::string out(text.substr(0, kTextBound));
  // Nothing that begins like this is above it; a character of ASCII has a next one.
  if (upper && text.size() > kTextBound) ++out.back();
  return out;
}

/// The single-value form of Iceberg's specification.
std::optional<std::string> Bound(const sql::Batch& row, std::size_t column,
                                 const schema::Type& type, bool upper) {
  const auto literal = [&] {
    std::string quoted;
    row.AppendJson(quoted, column, 0);
    return quoted.substr(1, quoted.size() - 2);
  };
  if (row.IsNull(column, 0)) return std::nullopt;
  if (type.kind == Kind::kText) return TextBound(row.Text(column, 0), upper);
  if (type.kind == Kind::kDecimal) {
    const auto value = ParseDecimal(literal(), type.precision, type.scale);
    if (!value) return std::nullopt;
    return Minimal(*value);
  }
  if (type.kind == Kind::kUuid) {
    const auto uuid = ParseUuid(literal());
    if (!uuid) return std::nullopt;
    return std::string(uuid->begin(), uuid->end());
  }
  const auto number = static_cast<std::uint64_t>(row.Int64(column, 0));
  if (type.kind == Kind::kBoolean) return LittleEndian(number, 1);
  const bool wide = type.kind == Kind::kBigint || type.kind == Kind::kTimestamp;
  return LittleEndian(number, wide ? 8 : 4);
}

constexpr std::size_t kFacts = 6;  ///< a column's: of which the query below asks

std::string FactsOf(const IcebergField& field) {
  const auto of_column =
      " FILTER (WHERE path_in_schema = " + sql::QuoteText(field.name) + ")";
  const auto bound = [&](const char* function, const char* text) {
    if (!HasBounds(field.type)) return std::string("NULL::VARCHAR");
    return std::string(function) + "(TRY_CAST(" + text + " AS " + field.type.ToSql() +
           "))" + of_column;
  };
  return "sum(total_compressed_size)" + of_column + "::BIGINT, sum(num_values)" +
         of_column + "::BIGINT, sum(stats_null_count)" + of_column +
         "::BIGINT, coalesce(bool_and(stats_min_value IS NOT NULL AND stats_max_value IS "
         "NOT NULL OR stats_null_count = num_values)" +
         of_column + ", false), " + bound("min", "stats_min_value") + ", " +
         bound("max", "stats_max_value");
}

void SetFacts(DataFile& file, const IcebergField& field, const sql::Batch& row,
              std::size_t first) {
  const auto set = [&](std::map<int, std::int64_t>& map, std::size_t column) {
    if (!row.IsNull(column, 0)) map[field.id] = row.Int64(column, 0);
  };
  set(file.column_bytes, first);
  set(file.values, first + 1);
  set(file.nulls, first + 2);
  if (!HasBounds(field.type) || row.Int64(first + 3, 0) == 0) return;
  auto lower = Bound(row, first + 4, field.type, false);
  auto upper = Bound(row, first + 5, field.type, true);
  if (!lower || !upper) return;
  file.lower[field.id] = *std::move(lower);
  file.upper[field.id] = *std::move(upper);
}

}  // namespace

Result<DataFile> Measure(sql::Session& session, const std::string& path,
                         const IcebergSchema& schema) {
  DataFile file;
  std::error_code failed;
  file.bytes = std::filesystem::file_size(path, failed);
  if (failed) return Fail(ErrorCode::kUnavailable, path + ": " + failed.message());
  const auto from = " FROM parquet_metadata(" + sql::QuoteText(path) + ")";
  std::string facts;
  std::vector<const IcebergField*> measured;
  for (const auto& field : schema.fields) {
    if (!field.type.scalar()) continue;
    measured.push_back(&field);
    facts += (facts.empty() ? "" : ", ") + FactsOf(field);
  }
  if (measured.empty()) return file;
  MR_TRY(const auto row, session.Query("SELECT " + facts + from));
  for (std::size_t i = 0; i < measured.size(); ++i) {
    SetFacts(file, *measured[i], row, i * kFacts);
  }
  return file;
}

}  // namespace millrace::lake
