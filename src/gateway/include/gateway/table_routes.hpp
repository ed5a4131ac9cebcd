#pragma once

#include <string>

#include "gateway/access_control.hpp"
#include "http/router.hpp"
#include "runtime/blocking_pool.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::gateway {

struct TableRouteOptions {
  /// Null: an open project, everyone may read everything. Outlives the server.
  const AccessControl* access = nullptr;
  std::string cursor_key;  ///< the installation's: seals cursors
};

/// `GET /api/tables` and `GET /api/tables/{table}/rows`: what pipelines made, read-only,
/// with the filters, order and cursors of records. Lake tables are named `lake.<name>`.
/// X-Millrace-Position says up to which version the table holds everything;
/// `?at_least=VERSION` waits for it (10 s at most, then 504), so that a client can read
/// its own write. In a closed project: rows that the table's rule leaves, 401, 403; who
/// finds no rule that opens a table cannot tell it from one that is not there.
class TableRoutes {
 public:
  /// All outlive the server.
  TableRoutes(warehouse::Warehouse& warehouse, runtime::BlockingPool& pool,
              TableRouteOptions options);
  void AddTo(http::Router& router);

 private:
  warehouse::Warehouse& warehouse_;
  runtime::BlockingPool& pool_;
  const TableRouteOptions options_;
};

}  // namespace millrace::gateway
