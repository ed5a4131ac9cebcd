#include "schema_plan.hpp"

#include <algorithm>
#include <map>

#include "base/bytes.hpp"
#include "definition_text.hpp"
#include "field_types.hpp"
#include "layout.hpp"
#include "scan.hpp"
#include "schema/record_codec.hpp"
#include "schema/stored_check.hpp"

namespace millrace::records {
namespace {

/// The names of system fields that a definition of an older program does not have: those
/// of now where a record has them, else the usual ones.
Status AddSystemLines(Database& db, const schema::Collection& collection,
                      DefinitionLines& lines) {
  const auto usual = SystemLines({});
  for (const auto& [line, name] : SystemLines(collection)) {
    if (lines.contains(line)) continue;
    bool found = false;
    if (name != usual.at(line)) {
      MR_CHECK_OK(ScanTable(db, collection.name, [&](const ScannedRecord& record) {
        found = !schema::FindMember(record.document, name).empty();
        return false;
      }));
    }
    lines[line] = found ? name : usual.at(line);
  }
  return {};
}

/// The definition that was applied last; nullopt: none was kept yet.
Result<std::optional<DefinitionLines>> StoredDefinition(
    Database& db, const schema::Collection& collection) {
  MR_TRY(auto select, db.Prepare("SELECT definition FROM definitions WHERE collection=?1 "
                                 "ORDER BY id DESC LIMIT 1"));
  select.Bind(1, collection.name);
  const int code = select.Step();
  if (code == SQLITE_DONE) return std::nullopt;
  if (code != SQLITE_ROW) return Fail(SqliteError(db.get(), "read the definitions"));
  auto lines = ParseDefinition(select.Text(0));
  MR_CHECK_OK(AddSystemLines(db, collection, lines));
  return lines;
}

Result<bool> HasRecords(Database& db, const std::string& collection) {
  MR_TRY(const auto found,
         db.QueryInt("SELECT 1 FROM " + TableOf(collection) + " LIMIT 1", 0));
  return found == 1;
}

/// One field's rule as stored records stand to it.
struct Breach {
  schema::StoredCheck check;
  std::uint64_t records = 0;
  std::string key, what;  ///< of the first
};

std::string ToText(const Breach& breach) {
  if (breach.records == 0) return "";
  return std::to_string(breach.records) +
         (breach.records == 1 ? " record breaks it" : " records break it") +
         ", the first is " + Excerpt(breach.key) + ": " + breach.what;
}

/// By the field's line in a definition.
using Breaches = std::map<std::string, Breach>;

Status LookForBreaches(Database& db, const std::string& collection, Breaches& breaches) {
  if (breaches.empty()) return {};
  MR_CHECK_OK(ScanTable(db, collection, [&](const ScannedRecord& record) {
    for (auto& [line, breach] : breaches) {
      auto broken = breach.check.Broken(record.document);
      if (broken.empty()) continue;
      if (breach.records++ > 0) continue;
      breach.key = record.key;
      breach.what = std::move(broken);
    }
    return true;
  }));
  return {};
}

/// How stored records violate a unique, empty if they do not.
Result<std::string> Doubles(Database& db, const schema::Collection& collection,
                            const std::vector<std::string>& fields) {
  const auto columns = collection.DocumentColumns();
  std::string by = "tenant", present;
  for (const auto& field : fields) {
    const auto at = std::ranges::find(columns, field, &schema::TypedName::name);
    if (at == columns.end()) continue;  // PrepareIndexes says so
    const auto expression = ColumnExpression(collection, *at);
    by += "," + expression;
    present += (present.empty() ? "" : " AND ") + expression + " IS NOT NULL";
  }
  if (present.empty()) return std::string();
  MR_TRY(auto select,
         db.Prepare("SELECT count(*), CAST(min(key) AS TEXT) FROM (SELECT key, count(*) "
                    "OVER (PARTITION BY " +
                    by + ") AS same FROM " + TableOf(collection.name) + " WHERE " +
                    present + ") WHERE same > 1"));
  if (select.Step() != SQLITE_ROW) {
    return Fail(SqliteError(db.get(), "look for doubles"));
  }
  if (select.Int(0) == 0) return std::string();
  return std::to_string(select.Int(0)) +
         " records have values that another one has, too; one is " +
         Excerpt(select.Text(1));
}

/// Every difference between two definitions; `now` alone is that of a new collection.
std::vector<SchemaChange> Differences(const std::string& collection,
                                      const DefinitionLines& old,
                                      const DefinitionLines& now) {
  std::vector<SchemaChange> changes;
  for (const auto& [name, text] : now) {
    const auto before = old.find(name);
    if (before == old.end()) {
      changes.push_back(
          {collection, name + ": added" + (text.empty() ? "" : ", " + text), ""});
    } else if (before->second != text) {
      auto what = name + ": ";
      what.append(before->second).append(" -> ").append(text);
      changes.push_back({collection, std::move(what), ""});
    }
  }
  for (const auto& [name, text] : old) {
    if (now.contains(name)) continue;
    const bool field = name.starts_with("field ");
    changes.push_back(
        {collection, name + ": removed" + (field ? ", stored records keep it" : ""), ""});
  }
  return changes;
}

class Planner {
 public:
  Planner(Database& db, const schema::Collection& collection)
      : db_(db), collection_(collection), now_(DefinitionOf(collection)) {}

  Result<std::vector<SchemaChange>> Plan() {
    MR_TRY(const auto old, StoredDefinition(db_, collection_));
    if (old) changes_ = Differences(collection_.name, *old, now_);
    MR_CHECK_OK(RefuseTypes());
    if (!old) return changes_;  // new, or of a format that kept none
    MR_CHECK_OK(RefuseNames(*old));
    MR_CHECK_OK(RefuseRules());
    return changes_;
  }

  /// Also where no definition was kept: an index is what tells.
  Status RefuseDoubles() {
    for (const auto& fields : collection_.unique) {
      const auto index = UniqueIndexName(collection_.name, fields);
      MR_TRY(const auto known,
             db_.QueryInt("SELECT 1 FROM sqlite_master WHERE type='index' AND name=" +
                              QuotedText(index),
                          0));
      if (known == 1) continue;
      MR_TRY(auto doubles, Doubles(db_, collection_, fields));
      if (!doubles.empty()) Refuse(UniqueLine(fields), std::move(doubles));
    }
    return {};
  }

  std::vector<SchemaChange> Take() { return std::move(changes_); }

 private:
  void Refuse(const std::string& line, std::string why) {
    for (auto& change : changes_) {
      if (!change.what.starts_with(line + ":")) continue;
      change.refused += (change.refused.empty() ? "" : "; ") + why;
      return;
    }
    changes_.push_back({collection_.name, line, std::move(why)});
  }

  Status RefuseTypes() {
    MR_TRY(const auto refused, RefusedTypes(db_, collection_));
    for (const auto& [field, why] : refused) Refuse("field " + field, why);
    return {};
  }

  /// Of the key and the system fields.
  Status RefuseNames(const DefinitionLines& old) {
    std::optional<bool> records;
    for (const auto& [line, name] : old) {
      if (line != "key" && !line.starts_with("system ")) continue;
      const auto now = now_.find(line);
      if (now == now_.end() || now->second == name) continue;
      if (!records) {
        MR_TRY(records, HasRecords(db_, collection_.name));
      }
      if (*records) Refuse(line, "there are records under the old one");
    }
    return {};
  }

  Status RefuseRules() {
    Breaches breaches;
    for (const auto& field : collection_.fields) {
      const auto line = "field " + field.name;
      const bool changed = std::ranges::any_of(changes_, [&](const SchemaChange& change) {
        return change.what.starts_with(line + ":") && change.refused.empty();
      });
      schema::StoredCheck check(field);
      if (!changed || !check.HasRules()) continue;
      breaches.emplace(line, Breach{std::move(check), 0, "", ""});
    }
    MR_CHECK_OK(LookForBreaches(db_, collection_.name, breaches));
    for (const auto& [line, breach] : breaches) {
      if (auto why = ToText(breach); !why.empty()) Refuse(line, std::move(why));
    }
    return {};
  }

  Database& db_;
  const schema::Collection& collection_;
  const DefinitionLines now_;
  std::vector<SchemaChange> changes_;
};

}  // namespace

Result<std::vector<SchemaChange>> PlanCollection(Database& db,
                                                 const schema::Collection& collection) {
  Planner planner(db, collection);
  MR_CHECK_OK(planner.Plan());
  MR_CHECK_OK(planner.RefuseDoubles());
  return planner.Take();
}

Status CheckPlan(const std::vector<SchemaChange>& changes) {
  std::string refused;
  for (const auto& change : changes) {
    if (change.refused.empty()) continue;
    refused += (refused.empty() ? "collection " + change.collection + ": " : "; ") +
               change.what + ": " + change.refused;
  }
  if (refused.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument,
              refused +
                  " (nothing was changed: mend the records with the old definition, or "
                  "give the new one to a new field)");
}

Status KeepDefinition(Database& db, const schema::Collection& collection,
                      const std::vector<SchemaChange>& changes, TimestampUs now) {
  MR_TRY(const auto stored, StoredDefinition(db, collection));
  if (stored && changes.empty()) return {};
  std::string text;
  for (const auto& change : changes) text += change.what + "\n";
  const auto definition = ToText(DefinitionOf(collection));
  MR_TRY(auto insert, db.Prepare("INSERT INTO definitions(at, collection, definition, "
                                 "changes) VALUES(?1,?2,?3,?4)"));
  insert.Bind(1, now);
  insert.Bind(2, collection.name);
  insert.Bind(3, definition);
  insert.Bind(4, text);
  if (insert.Run() == SQLITE_DONE) return {};
  return Fail(SqliteError(db.get(), "keep the definition"));
}

Result<std::vector<SchemaChange>> PlanSchema(
    const std::filesystem::path& directory,
    const std::vector<schema::Collection>& collections) {
  const auto file = directory / kDatabaseFile;
  std::vector<std::string> stored;
  std::optional<Database> db;
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {
    MR_TRY(db, Database::Open(file, {.mode = Database::Mode::kForeignReader}));
    MR_CHECK_OK(CheckFormat(*db));
    MR_TRY(const auto version, db->QueryInt("PRAGMA user_version", 0));
    if (version > 0 && version < kFormatVersion) {
      return Fail(
          ErrorCode::kConflict,
          "records.db has format version " + std::to_string(version) +
              ", which keeps no definitions: the next start brings it up to date");
    }
    if (version > 0) {
      MR_TRY(stored, StoredCollections(*db));
    }
  }
  std::vector<SchemaChange> all;
  for (const auto& collection : collections) {
    if (std::ranges::find(stored, collection.name) == stored.end()) {
      const auto free = db ? CheckStoredName(*db, collection.name) : Status();
      all.push_back(
          {collection.name, "collection: added", free ? "" : free.error().message()});
      continue;
    }
    MR_TRY(auto changes, PlanCollection(*db, collection));
    std::ranges::move(changes, std::back_inserter(all));
  }
  for (const auto& name : stored) {
    if (std::ranges::find(collections, name, &schema::Collection::name) ==
        collections.end()) {
      all.push_back({name, "collection: removed, its records stay stored", ""});
    }
  }
  return all;
}

}  // namespace millrace::records
