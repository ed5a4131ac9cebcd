#pragma once

#include "base/result.hpp"
#include "schema/collection.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// Compares the collection's field types with those that its records were stored with,
/// then remembers them. A type may change where that leaves every stored value as the
/// new type writes it: where no record has one, integer to bigint, and fields added at
/// the end of an object. kInvalidArgument names each other field with both types and a
/// record that has it; nothing is changed then. Within a transaction; the collection's
/// table exists.
Status KeepFieldTypes(Database& db, const schema::Collection& collection);

}  // namespace millrace::records
