#include "field_function.hpp"

#include <memory>

#include "schema/record_codec.hpp"
#include "sqlite.hpp"

namespace millrace::records {
namespace {

std::string_view TextOf(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

/// The type argument is a constant: parsed once a run of the statement, kept by SQLite,
/// or in `scratch` where SQLite declines to.
const schema::Type* TypeArgument(sqlite3_context* context, sqlite3_value* value,
                                 schema::Type& scratch) {
  constexpr int kArgument = 2;
  if (auto* kept = sqlite3_get_auxdata(context, kArgument)) {
    return static_cast<const schema::Type*>(kept);
  }
  auto type = schema::Type::Parse(TextOf(value));
  if (!type) return nullptr;
  scratch = *type;
  auto owned = std::make_unique<schema::Type>(std::move(*type));
  sqlite3_set_auxdata(context, kArgument, owned.release(),
                      [](void* kept) { delete static_cast<schema::Type*>(kept); });
  return &scratch;
}

void Answer(sqlite3_context* context, const schema::SortValue& value) {
  using Tag = schema::SortValue::Tag;
  switch (value.tag) {
    case Tag::kNull:
      return sqlite3_result_null(context);
    case Tag::kInteger:
      return sqlite3_result_int64(context, value.integer);
    case Tag::kReal:
      return sqlite3_result_double(context, value.real);
    case Tag::kText:
      return sqlite3_result_text(context, value.text.data(),
                                 static_cast<int>(value.text.size()), SQLITE_TRANSIENT);
  }
}

void FieldFunction(sqlite3_context* context, int /*count*/, sqlite3_value** arguments) {
  schema::Type scratch;
  const auto* type = TypeArgument(context, arguments[2], scratch);
  if (type == nullptr) {
    return sqlite3_result_error(context, "mr_field: unknown type", -1);
  }
  const auto literal = schema::FindMember(TextOf(arguments[0]), TextOf(arguments[1]));
  if (literal.empty()) return sqlite3_result_null(context);
  const auto value = schema::ToSortValue(*type, literal);
  // A document from before its field was given another type: as if it had no value.
  if (!value) return sqlite3_result_null(context);
  Answer(context, *value);
}

}  // namespace

Status RegisterFieldFunction(sqlite3* db) {
  const int code =
      sqlite3_create_function_v2(db, "mr_field", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                 nullptr, FieldFunction, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(SqliteError(db, "register mr_field"));
  return {};
}

std::string FieldExpression(const std::string& field, const schema::Type& type) {
  // Objects have no text form; like arrays and json they compare as text.
  const auto name = type.scalar() ? type.ToString() : "json";
  return "mr_field(document," + QuotedText(field) + "," + QuotedText(name) + ")";
}

}  // namespace millrace::records
