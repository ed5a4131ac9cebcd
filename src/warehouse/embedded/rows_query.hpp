#pragma once

#include <string>

#include "query/query.hpp"
#include "sql/engine.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::warehouse {

/// Reads one page: `from` is the quoted name, `table` says columns and key. The query's
/// columns are those of `table`.
Result<Warehouse::RowsPage> ReadPage(sql::Session& session, const std::string& from,
                                     const TableInfo& table, const query::Query& query,
                                     Deadline deadline);

}  // namespace millrace::warehouse
