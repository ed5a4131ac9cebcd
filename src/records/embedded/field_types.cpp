#include "field_types.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "layout.hpp"

namespace millrace::records {
namespace {

/// Field → type.
Result<TextPairs> StoredTypes(Database& db, const std::string& collection) {
  MR_TRY(auto select, db.Prepare("SELECT field, type FROM fields WHERE collection=?1"));
  select.Bind(1, collection);
  return ReadPairs(select, "read the field types");
}

/// Whether each value of the old type is written the same way by the new one.
bool Includes(std::string_view now, std::string_view old) {
  const auto from = schema::Type::Parse(old), to = schema::Type::Parse(now);
  if (from && to) return schema::Widens(*from, *to);
  while (now.ends_with("[]") && old.ends_with("[]")) {
    now.remove_suffix(2);
    old.remove_suffix(2);
  }
  if (now == old) return true;
  if (!old.ends_with('}')) return false;
  old.remove_suffix(1);
  return now.starts_with(std::string(old) + ", ");
}

/// The key of a record that has a value there.
Result<std::optional<std::string>> FindValue(Database& db, const std::string& collection,
                                             const std::string& field) {
  MR_TRY(auto select,
         db.Prepare("SELECT CAST(key AS TEXT) FROM " + TableOf(collection) +
                    " WHERE json_extract(document, ?1) IS NOT NULL LIMIT 1"));
  select.BindCopy(1, "$." + field);  // a field's name needs no quotes
  const int code = select.Step();
  if (code == SQLITE_ROW) return std::string(select.Text(0));
  if (code != SQLITE_DONE) return Fail(SqliteError(db.get(), "look for stored values"));
  return std::nullopt;
}

Status Remember(Database& db, const std::string& collection, const schema::Field& field) {
  MR_TRY(auto put, db.Prepare("INSERT OR REPLACE INTO fields VALUES(?1,?2,?3)"));
  const auto type = field.type.ToString();
  put.Bind(1, collection);
  put.Bind(2, field.name);
  put.Bind(3, type);
  if (put.Run() == SQLITE_DONE) return {};
  return Fail(SqliteError(db.get(), "keep the field types"));
}

}  // namespace

Result<TextPairs> RefusedTypes(Database& db, const schema::Collection& collection) {
  MR_TRY(const auto stored, StoredTypes(db, collection.name));
  TextPairs refused;
  for (const auto& field : collection.fields) {
    const auto old = stored.find(field.name);
    const auto now = field.type.ToString();
    if (old == stored.end() || Includes(now, old->second)) continue;
    MR_TRY(const auto key, FindValue(db, collection.name, field.name));
    if (!key) continue;
    refused[field.name] = "record " + Excerpt(*key) + " has a value of the type " +
                          old->second + ", which " + now + " does not write the same way";
  }
  return refused;
}

Status KeepFieldTypes(Database& db, const schema::Collection& collection) {
  MR_TRY(const auto stored, StoredTypes(db, collection.name));
  for (const auto& field : collection.fields) {
    const auto old = stored.find(field.name);
    if (old != stored.end() && old->second == field.type.ToString()) continue;
    MR_CHECK_OK(Remember(db, collection.name, field));
  }
  return {};
}

}  // namespace millrace::records
