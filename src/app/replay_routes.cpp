#include "replay_routes.hpp"

#include <utility>

#include "admin_handler.hpp"
#include "audited.hpp"

namespace millrace::app {
namespace {

constexpr const char* kPath = "/admin/replay";

ReplayRequest RequestOf(const Parameters& parameters) {
  ReplayRequest request;
  request.pipeline = ValueOf(parameters, "pipeline");
  request.sink = ValueOf(parameters, "sink");
  request.lake_to = ValueOf(parameters, "lake_to");
  request.snapshot = ValueOf(parameters, "snapshot") == "true";
  request.lake_gap = ValueOf(parameters, "lake_gap") == "true";
  request.compare = ValueOf(parameters, "compare") == "true";
  return request;
}

}  // namespace

void AddReplayRoutes(http::Router& router, ReplayJob& job, runtime::BlockingPool& pool,
                     AuditLog* audit) {
  using http::Method;
  const auto status = [&job]() -> Result<http::Response> {
    return JsonResponse(job.StatusJson());
  };
  router.Add(
      Method::kPost, kPath,
      OnPool(
          pool,
          [&job, audit](const auto& parameters, const auto&) -> Result<http::Response> {
            const auto request = RequestOf(parameters);
            MR_TRY(auto json, Audited(audit, ReplayEventOf(request),
                                      [&](gateway::AuditEvent&) -> Result<std::string> {
                                        MR_CHECK_OK(job.Start(
                                            ValueOf(parameters, "project"), request));
                                        return job.StatusJson();
                                      }));
            return JsonResponse(std::move(json));
          }));
  router.Add(Method::kGet, kPath,
             OnPool(pool, [status](const auto&, const auto&) { return status(); }));
  router.Add(Method::kDelete, kPath,
             OnPool(pool, [&job, status](const auto&, const auto&) {
               job.Cancel();
               return status();
             }));
}

}  // namespace millrace::app
