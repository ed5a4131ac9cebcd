#pragma once

#include <memory>

#include "cache/cache.hpp"
#include "gateway/access_control.hpp"
#include "http/gate.hpp"
#include "project/door.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::gateway {

/// The door of a project: security headers on every answer, cross-origin rules for
/// browsers, and limits, counted in `cache`: 429 with Retry-After beyond one, `RateLimit`
/// and `RateLimit-Policy` otherwise. `/livez`, `/readyz`, `/health`, `/metrics` and
/// preflights are not counted. Where the cache cannot be reached, requests pass. `cache`
/// and `registry` outlive it. `who` (empty: an open project) is asked where a limit
/// counts users, keys or tenants; nobody, and who brings something bad, counts by his
/// address.
std::shared_ptr<http::Gate> MakeDoorGate(const project::Door& door, cache::Cache& cache,
                                         telemetry::Registry& registry, WhoAsks who = {});

}  // namespace millrace::gateway
