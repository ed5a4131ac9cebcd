#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "schema/collection.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// docs/formats/records-db.md. Raise it with every change of a table, an index or of what
/// mr_field yields; an older program refuses a newer file.
inline constexpr std::int64_t kFormatVersion = 4;

/// kDataLoss-free check that this program can read the file: kConflict names both
/// versions if the file is newer. A new file has version 0.
Status CheckFormat(Database& db);

/// Creates what is missing: the store's own tables, a table a collection, its indexes.
/// Indexes that are no longer declared, or are declared otherwise, are dropped. A
/// collection that is gone keeps its table. All in one transaction: on failure the file
/// is as before. What changed of the definitions is remembered with the time `now`.
/// kInvalidArgument: two collections equal ignoring case, or stored records forbid a
/// change (schema_plan.hpp), which is named.
Status PrepareLayout(Database& db, const std::vector<schema::Collection>& collections,
                     const std::string& source, TimestampUs now);

/// "r_orders", quoted.
std::string TableOf(const std::string& collection);
/// The names of all collections that have a table, declared or not.
Result<std::vector<std::string>> StoredCollections(Database& db);
/// kInvalidArgument: there is one whose name differs in case alone. SQLite does not tell
/// their tables apart, so that they would share records.
Status CheckStoredName(Database& db, const std::string& collection);

/// An SQL expression over a collection's table that sorts and compares like the field
/// (declared or system): what its indexes are made of.
std::string ColumnExpression(const schema::Collection& collection,
                             const schema::TypedName& field);

/// Whether the key column holds integers (else the key's text form).
bool HasIntegerKey(const schema::Collection& collection);

/// Names of declared unique indexes as SQLite reports them in violations.
std::string UniqueIndexName(const std::string& collection,
                            const std::vector<std::string>& fields);

}  // namespace millrace::records
