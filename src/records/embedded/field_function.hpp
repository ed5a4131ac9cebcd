#pragma once

#include <sqlite3.h>

#include <string>

#include "base/result.hpp"
#include "schema/type.hpp"

namespace millrace::records {

/// Makes `mr_field(document, 'name', 'type')` known to a connection: the member of a
/// canonical document as a value that SQLite orders and compares like the typed value
/// (schema::ToSortValue). Null when absent or not of the type. Deterministic, so that
/// indexes may be made of it: changing what it yields needs a new format version.
Status RegisterFieldFunction(sqlite3* db);

/// The call for one field of column `document`.
std::string FieldExpression(const std::string& field, const schema::Type& type);

}  // namespace millrace::records
