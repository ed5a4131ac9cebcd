#include "layout.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "field_function.hpp"
#include "field_types.hpp"
#include "schema_plan.hpp"

namespace millrace::records {
namespace {

// `epoch` and `position` of a version are numbers of a few bytes; its ordinal is always
// 0. The idempotency table is found by a hash: its index stays small and the table grows
// at its end only.
constexpr const char* kFieldsTable =
    "CREATE TABLE fields(collection TEXT NOT NULL, field TEXT NOT NULL, type TEXT NOT "
    "NULL, PRIMARY KEY(collection, field)) WITHOUT ROWID";
/// Filled by the first commit of a collection in a minute: nothing before it is known.
constexpr const char* kSumsTable =
    "CREATE TABLE sums(collection TEXT NOT NULL, minute INTEGER NOT NULL, changes "
    "INTEGER "
    "NOT NULL, hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(collection, "
    "minute)) WITHOUT ROWID";
constexpr const char* kDefinitionsTable =
    "CREATE TABLE definitions(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, "
    "collection TEXT NOT NULL, definition TEXT NOT NULL, changes TEXT NOT NULL)";
constexpr const char* kStoreTables = R"(
CREATE TABLE store(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  source TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  next_seq INTEGER NOT NULL,
  trimmed INTEGER NOT NULL,
  time_floor INTEGER NOT NULL,
  id_floor_ms INTEGER NOT NULL);
CREATE TABLE collections(
  name TEXT PRIMARY KEY,
  changes INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE changes(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  collection TEXT NOT NULL,
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  operation INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  committed_at INTEGER NOT NULL,
  before TEXT,
  after TEXT);
CREATE TABLE idempotency(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  slot INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash INTEGER NOT NULL,
  status INTEGER NOT NULL,
  etag TEXT NOT NULL,
  location TEXT NOT NULL,
  body TEXT NOT NULL);
CREATE INDEX idempotency_slot ON idempotency(slot);
)";

using Indexes = TextPairs;  // name → CREATE statement

std::string Joined(const std::vector<std::string>& fields) {
  std::string out;
  for (const auto& field : fields) (out += out.empty() ? "" : ".") += field;
  return out;
}

Result<std::string> IndexSql(const schema::Collection& collection,
                             const std::vector<std::string>& fields,
                             const std::string& name, bool unique) {
  const auto columns = collection.DocumentColumns();
  auto sql = std::string(unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ") +
             QuotedName(name) + " ON " + TableOf(collection.name) + "(tenant";
  for (const auto& field : fields) {
    const auto at = std::ranges::find(columns, field, &schema::TypedName::name);
    if (at == columns.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "index of " + collection.name + ": no field '" + field + "'");
    }
    sql += "," + ColumnExpression(collection, *at);
  }
  // The key at the end makes keyset pages over an index exact without a sort.
  return sql + (unique ? ")" : ",key)");
}

Result<Indexes> DeclaredIndexes(const schema::Collection& collection) {
  Indexes out;
  for (const auto& fields : collection.unique) {
    const auto name = UniqueIndexName(collection.name, fields);
    MR_TRY(out[name], IndexSql(collection, fields, name, true));
  }
  for (const auto& fields : collection.indexes) {
    const auto name = "i_" + collection.name + "." + Joined(fields);
    MR_TRY(out[name], IndexSql(collection, fields, name, false));
  }
  return out;
}

Result<Indexes> StoredIndexes(Database& db, const std::string& table) {
  MR_TRY(auto select, db.Prepare("SELECT name, sql FROM sqlite_master WHERE type='index' "
                                 "AND tbl_name=?1 COLLATE NOCASE AND sql IS NOT NULL "
                                 "AND name NOT LIKE 'k\\_%' ESCAPE '\\'"));
  select.Bind(1, table);
  return ReadPairs(select, "read the indexes");
}

Status PrepareIndexes(Database& db, const schema::Collection& collection) {
  MR_TRY(const auto declared, DeclaredIndexes(collection));
  MR_TRY(const auto stored, StoredIndexes(db, "r_" + collection.name));
  for (const auto& [name, sql] : stored) {
    const auto at = declared.find(name);
    if (at != declared.end() && at->second == sql) continue;
    MR_CHECK_OK(db.Exec("DROP INDEX " + QuotedName(name)));
  }
  for (const auto& [name, sql] : declared) {
    const auto at = stored.find(name);
    if (at != stored.end() && at->second == sql) continue;
    auto status = db.Exec(sql);
    if (!status && (sqlite3_errcode(db.get()) & 0xff) == SQLITE_CONSTRAINT) {
      return Fail(ErrorCode::kInvalidArgument,
                  "collection " + collection.name +
                      ": stored records violate the unique index of " + name.substr(2) +
                      ": mend them or take the index away");
    }
    if (!status) return status;
  }
  return {};
}

Status PrepareCollection(Database& db, const schema::Collection& collection,
                         TimestampUs now) {
  MR_CHECK_OK(CheckStoredName(db, collection.name));
  const auto table = TableOf(collection.name);
  MR_CHECK_OK(db.Exec("CREATE TABLE IF NOT EXISTS " + table +
                      "(tenant TEXT NOT NULL, key NOT NULL, epoch INTEGER NOT NULL, "
                      "position INTEGER NOT NULL, document TEXT NOT NULL)"));
  MR_CHECK_OK(db.Exec("CREATE UNIQUE INDEX IF NOT EXISTS " +
                      QuotedName("k_" + collection.name) + " ON " + table +
                      "(tenant,key)"));
  MR_CHECK_OK(db.Exec("INSERT OR IGNORE INTO collections VALUES(" +
                      QuotedText(collection.name) + ",0,0,0)"));
  MR_TRY(const auto changes, PlanCollection(db, collection));
  MR_CHECK_OK(CheckPlan(changes));
  MR_CHECK_OK(KeepFieldTypes(db, collection));
  MR_CHECK_OK(PrepareIndexes(db, collection));
  return KeepDefinition(db, collection, changes, now);
}

/// Version 1 did not keep the types of fields: those of now are taken for the stored.
/// Version 2 kept no sums by time: what was committed before is one slice. Version 3 kept
/// no definitions: those of now are taken for what records were checked against.
Status PrepareStore(Database& db, const std::string& source) {
  MR_TRY(const auto version, db.QueryInt("PRAGMA user_version", 0));
  if (version == kFormatVersion) return {};
  if (version == 0) {
    MR_CHECK_OK(db.Exec(kStoreTables));
    MR_CHECK_OK(
        db.Exec("INSERT INTO store VALUES(1," + QuotedText(source) + ",0,1,0,0,0)"));
  }
  if (version < 2) MR_CHECK_OK(db.Exec(kFieldsTable));
  if (version < 3) MR_CHECK_OK(db.Exec(kSumsTable));
  MR_CHECK_OK(db.Exec(kDefinitionsTable));
  return db.Exec("PRAGMA user_version=" + std::to_string(kFormatVersion));
}

Status CheckSource(Database& db, const std::string& source) {
  MR_TRY(auto select, db.Prepare("SELECT source FROM store"));
  if (select.Step() != SQLITE_ROW) {
    return Fail(SqliteError(db.get(), "read the store's state"));
  }
  if (select.Text(0) == source) return {};
  return Fail(ErrorCode::kConflict,
              "the records belong to source '" + std::string(select.Text(0)) +
                  "', not '" + source +
                  "': its name is part of every event id and cannot change");
}

Status CheckNames(const std::vector<schema::Collection>& collections) {
  std::vector<std::string> names;
  for (const auto& collection : collections) {
    auto name = collection.name;
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (std::ranges::find(names, name) != names.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "two collections are named '" + name + "', ignoring case");
    }
    names.push_back(std::move(name));
  }
  return {};
}

Status PrepareAll(Database& db, const std::vector<schema::Collection>& collections,
                  const std::string& source, TimestampUs now) {
  MR_CHECK_OK(PrepareStore(db, source));
  MR_CHECK_OK(CheckSource(db, source));
  for (const auto& collection : collections) {
    MR_CHECK_OK(PrepareCollection(db, collection, now));
  }
  return {};
}

}  // namespace

Status CheckFormat(Database& db) {
  MR_TRY(const auto version, db.QueryInt("PRAGMA user_version", 0));
  if (version <= kFormatVersion) return {};
  return Fail(ErrorCode::kConflict,
              "records.db has format version " + std::to_string(version) +
                  "; this program reads up to " + std::to_string(kFormatVersion));
}

Status PrepareLayout(Database& db, const std::vector<schema::Collection>& collections,
                     const std::string& source, TimestampUs now) {
  MR_CHECK_OK(CheckNames(collections));
  MR_CHECK_OK(db.Exec("BEGIN IMMEDIATE"));
  if (auto status = PrepareAll(db, collections, source, now); !status) {
    static_cast<void>(db.Exec("ROLLBACK"));
    return status;
  }
  return db.Exec("COMMIT");
}

std::string TableOf(const std::string& collection) {
  return QuotedName("r_" + collection);
}

Result<std::vector<std::string>> StoredCollections(Database& db) {
  MR_TRY(auto select, db.Prepare("SELECT name FROM collections ORDER BY name"));
  std::vector<std::string> out;
  int code = SQLITE_OK;
  while ((code = select.Step()) == SQLITE_ROW) out.emplace_back(select.Text(0));
  if (code != SQLITE_DONE) return Fail(SqliteError(db.get(), "read the collections"));
  return out;
}

Status CheckStoredName(Database& db, const std::string& collection) {
  MR_TRY(const auto stored, StoredCollections(db));
  for (const auto& name : stored) {
    if (name == collection || sqlite3_stricmp(name.c_str(), collection.c_str()) != 0)
      continue;
    return Fail(ErrorCode::kInvalidArgument,
                "collection " + collection + ": there are records of '" + name +
                    "', and a name cannot change in case alone: name it '" + name + "'");
  }
  return {};
}

bool HasIntegerKey(const schema::Collection& collection) {
  const auto kind = collection.key_field().type.kind;
  return kind == schema::Kind::kInteger || kind == schema::Kind::kBigint;
}

std::string ColumnExpression(const schema::Collection& collection,
                             const schema::TypedName& field) {
  const auto kind = field.type.kind;
  const bool text_key = kind == schema::Kind::kText || kind == schema::Kind::kUuid;
  if (field.name == collection.key && (text_key || HasIntegerKey(collection))) {
    return "key";
  }
  return FieldExpression(field.name, field.type);
}

std::string UniqueIndexName(const std::string& collection,
                            const std::vector<std::string>& fields) {
  return "u_" + collection + "." + Joined(fields);
}

}  // namespace millrace::records
