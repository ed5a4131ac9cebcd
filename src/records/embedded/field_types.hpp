#pragma once

#include "base/result.hpp"
#include "schema/collection.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// Compares the collection's field types with those that its records were stored with. A
/// type may change where that leaves every stored value as the new type writes it: where
/// no record has one, where it widens (schema::Widens), and for fields added at the end
/// of an object. Gives each other field, and why it may not. The collection's table
/// exists.
Result<TextPairs> RefusedTypes(Database& db, const schema::Collection& collection);

/// Remembers the types of now. Within a transaction.
Status KeepFieldTypes(Database& db, const schema::Collection& collection);

}  // namespace millrace::records
