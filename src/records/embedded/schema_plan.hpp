#pragma once

#include <vector>

#include "base/time.hpp"
#include "records_embedded/schema_change.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// What changed of a collection, and what of it stored records forbid: a type that writes
/// their values otherwise, a rule that they break (they are read for that where a rule of
/// a field is new or another one), a unique that they violate, another key. The
/// collection's table exists.
Result<std::vector<SchemaChange>> PlanCollection(Database& db,
                                                 const schema::Collection& collection);

/// kInvalidArgument with everything that is refused.
Status CheckPlan(const std::vector<SchemaChange>& changes);

/// Remembers the definition of now, if anything changed. Within a transaction.
Status KeepDefinition(Database& db, const schema::Collection& collection,
                      const std::vector<SchemaChange>& changes, TimestampUs now);

}  // namespace millrace::records
