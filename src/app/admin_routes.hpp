#pragma once

#include <functional>
#include <vector>

#include "audit_log.hpp"
#include "backup_job.hpp"
#include "data_queries.hpp"
#include "http/router.hpp"
#include "letter_works.hpp"
#include "pipeline/state_db.hpp"
#include "runtime/blocking_pool.hpp"
#include "trace.hpp"
#include "verify_metrics.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::app {

/// What the command line asks a running server, on the socket in its data directory:
/// POST /admin/sql?format=…, GET /admin/status, GET /admin/deadletters?…, POST
/// /admin/deadletters/mend?… and /redrive?…, GET /admin/deadletters/redrive?run=…,
/// GET /admin/trace?id=…&collection=…, POST /admin/table (table_sums.hpp), POST
/// /admin/verified (what a verify found), POST /admin/backup?to=…, and GET /admin/backup
/// (how it stands).
class AdminRoutes {
 public:
  AdminRoutes(warehouse::Warehouse& warehouse, pipeline::StateDb& state,
              BackupJob& backup, runtime::BlockingPool& pool,
              std::function<Result<std::vector<PipelineState>>()> pipelines,
              TraceStores trace, LetterWorks& letters, telemetry::Registry& metrics);
  /// `audit` (or null): where it is recorded that a backup began.
  void AddTo(http::Router& router, AuditLog* audit);

 private:
  void AddLetterWorks(http::Router& router);

  warehouse::Warehouse& warehouse_;
  pipeline::StateDb& state_;
  BackupJob& backup_;
  runtime::BlockingPool& pool_;
  std::function<Result<std::vector<PipelineState>>()> pipelines_;
  TraceStores trace_;
  LetterWorks& letters_;
  VerifyMetrics verified_;
};

}  // namespace millrace::app
