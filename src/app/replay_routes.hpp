#pragma once

#include "audit_log.hpp"
#include "http/router.hpp"
#include "replay_job.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::app {

/// POST (with project=, pipeline=, sink=, lake_to=, compare=), GET and DELETE
/// /admin/replay: starts, shows and cancels the server's replay. All outlive the server.
/// `audit` (or null): where it is recorded that one began.
void AddReplayRoutes(http::Router& router, ReplayJob& job, runtime::BlockingPool& pool,
                     AuditLog* audit);

}  // namespace millrace::app
