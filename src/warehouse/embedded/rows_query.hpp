#pragma once

#include <optional>
#include <string>

#include "key_filter.hpp"
#include "query/query.hpp"
#include "sql/engine.hpp"
#include "table_sql.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::warehouse {

/// The keys that the query asks for one by one; nullopt: it asks for others as well.
std::optional<KeyCondition> AskedKeys(const TableInfo& table, const query::Query& query);

/// Reads one page: `from` is the quoted name, or a SELECT in brackets, `table` says
/// columns and key. The query's columns are those of `table`.
Result<Warehouse::RowsPage> ReadPage(sql::Session& session, const std::string& from,
                                     const TableInfo& table, const query::Query& query,
                                     Deadline deadline);

/// The same of a lake table, by the SELECT that LakeViews::Files gives: each row is in
/// one page, whichever are equal.
Result<Warehouse::RowsPage> ReadLakePage(sql::Session& session, const std::string& files,
                                         const TableInfo& table,
                                         const query::Query& query, Deadline deadline);

/// The same of some keys of a table. `filter`: null if unknown.
Result<Warehouse::RowsPage> ReadKeysPage(sql::Session& session, const TableShape& shape,
                                         const KeyFilter* filter, KeyCondition keys,
                                         const TableInfo& table,
                                         const query::Query& query, Deadline deadline);

/// The newest version of a key given as text; `filter` as above. kInvalidArgument: no
/// value of its type.
Result<std::optional<RowVersion>> FindVersion(sql::Session& session,
                                              const TableShape& shape,
                                              const KeyFilter* filter,
                                              const std::string& key, Deadline deadline);

}  // namespace millrace::warehouse
