#include "admin_routes.hpp"

#include <algorithm>
#include <utility>

#include "admin_handler.hpp"
#include "audited.hpp"
#include "base/bytes.hpp"
#include "http/problem.hpp"
#include "table_sums.hpp"

namespace millrace::app {
namespace {

/// An answer is one body in memory; beyond this the query should be narrower.
constexpr std::uint64_t kSqlAnswerMax = 64u << 20u;

Result<std::uint64_t> NumberOf(const std::string& text) {
  MR_TRY(const auto numbers, ParseIds(text));
  if (numbers.size() == 1 && numbers.front() >= 0) {
    return static_cast<std::uint64_t>(numbers.front());
  }
  return Fail(ErrorCode::kInvalidArgument, "\"" + text + "\": expected a number");
}

Result<http::Response> SqlResponse(warehouse::Warehouse& warehouse,
                                   const Parameters& parameters,
                                   const std::string& body) {
  MR_TRY(const auto format, sql::ParseFormat(ValueOf(parameters, "format")));
  std::string out;
  bool too_large = false;
  MR_CHECK_OK(PrintSql(warehouse, body, format, [&](std::string_view text) {
    too_large = too_large || out.size() + text.size() > kSqlAnswerMax;
    if (!too_large) out += text;
  }));
  if (too_large) {
    return Fail(
        ErrorCode::kTooLarge,
        "the result is over 64 MiB: select less, or stop the server and ask again");
  }
  return http::Response{200, "text/plain; charset=utf-8", std::move(out), {}};
}

Result<pipeline::LetterFilter> FilterOf(const Parameters& parameters) {
  pipeline::LetterFilter filter;
  filter.pipeline = ValueOf(parameters, "pipeline");
  filter.sink = ValueOf(parameters, "sink");
  filter.stage = ValueOf(parameters, "stage");
  filter.key = ValueOf(parameters, "key");
  filter.state = ValueOf(parameters, "state");
  filter.mended = !ValueOf(parameters, "mended").empty();
  MR_TRY(filter.ids, ParseIds(ValueOf(parameters, "ids")));
  if (const auto run = ValueOf(parameters, "run"); !run.empty()) {
    MR_TRY(filter.run, NumberOf(run));
  }
  return filter;
}

Result<http::Response> LettersResponse(pipeline::StateDb& state,
                                       const Parameters& parameters) {
  pipeline::DeadLetterFilter filter;
  MR_TRY(static_cast<pipeline::LetterFilter&>(filter), FilterOf(parameters));
  filter.cursor = ValueOf(parameters, "cursor");
  if (const auto limit = ValueOf(parameters, "limit"); !limit.empty()) {
    MR_TRY(const auto number, NumberOf(limit));
    filter.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(number, 10'001));
  }
  MR_TRY(auto json, DeadLettersJson(state, filter));
  return JsonResponse(std::move(json));
}

Result<http::Response> TableResponse(warehouse::Warehouse& warehouse,
                                     const std::string& body) {
  MR_TRY(const auto question, DecodeQuestion(body));
  MR_TRY(const auto answer, AskTable(warehouse, question));
  return JsonResponse(Encode(answer));
}

}  // namespace

AdminRoutes::AdminRoutes(warehouse::Warehouse& warehouse, pipeline::StateDb& state,
                         BackupJob& backup, runtime::BlockingPool& pool,
                         std::function<Result<std::vector<PipelineState>>()> pipelines,
                         TraceStores trace, LetterWorks& letters,
                         telemetry::Registry& metrics)
    : warehouse_(warehouse),
      state_(state),
      backup_(backup),
      pool_(pool),
      pipelines_(std::move(pipelines)),
      trace_(std::move(trace)),
      letters_(letters),
      verified_(metrics) {}

void AdminRoutes::AddLetterWorks(http::Router& router) {
  using http::Method;
  const auto with_filter = [this](auto work) {
    return OnPool(
        pool_,
        [work](const auto& parameters, const auto& body) -> Result<http::Response> {
          MR_TRY(const auto filter, FilterOf(parameters));
          MR_TRY(auto json, work(filter, body));
          return JsonResponse(std::move(json));
        });
  };
  router.Add(Method::kPost, "/admin/deadletters/mend",
             with_filter([this](const auto& filter, const auto& body) {
               return letters_.Mend(filter, body);
             }));
  router.Add(Method::kPost, "/admin/deadletters/redrive",
             with_filter([this](const auto& filter, const auto&) {
               return letters_.Redrive(filter);
             }));
  router.Add(Method::kPost, "/admin/deadletters/dismiss",
             with_filter([this](const auto& filter, const auto& body) {
               return letters_.Dismiss(filter, body);
             }));
  router.Add(Method::kGet, "/admin/deadletters/redrive",
             with_filter([this](const auto& filter, const auto&) {
               return letters_.Redriven(filter.run.value_or(0));
             }));
}

void AdminRoutes::AddTo(http::Router& router, AuditLog* audit) {
  using http::Method;
  router.Add(Method::kPost, "/admin/sql",
             OnPool(pool_, [this](const auto& parameters, const auto& body) {
               return SqlResponse(warehouse_, parameters, body);
             }));
  router.Add(Method::kPost, "/admin/table",
             OnPool(pool_, [this](const auto&, const auto& body) {
               return TableResponse(warehouse_, body);
             }));
  router.Add(Method::kPost, "/admin/verified",
             OnPool(pool_, [this](const auto&, const auto& body) {
               verified_.Set(body);
               return JsonResponse("{}");
             }));
  AddLetterWorks(router);
  router.Add(Method::kGet, "/admin/deadletters",
             OnPool(pool_, [this](const auto& parameters, const auto&) {
               return LettersResponse(state_, parameters);
             }));
  router.Add(
      Method::kGet, "/admin/trace",
      OnPool(pool_,
             [this](const auto& parameters, const auto&) -> Result<http::Response> {
               MR_TRY(auto json, TraceJson(trace_, {ValueOf(parameters, "id"),
                                                    ValueOf(parameters, "collection")}));
               return JsonResponse(std::move(json));
             }));
  router.Add(
      Method::kPost, "/admin/backup",
      OnPool(
          pool_,
          [this, audit](const auto& parameters, const auto&) -> Result<http::Response> {
            MR_TRY(
                auto json,
                Audited(audit,
                        OperatorEvent(gateway::AuditAction::kBackup, "millrace backup"),
                        [&](gateway::AuditEvent&) -> Result<std::string> {
                          MR_CHECK_OK(backup_.Start(ValueOf(parameters, "to")));
                          return backup_.Json();
                        }));
            return JsonResponse(std::move(json));
          }));
  router.Add(Method::kGet, "/admin/backup",
             OnPool(pool_, [this](const auto&, const auto&) -> Result<http::Response> {
               return JsonResponse(backup_.Json());
             }));
  router.Add(Method::kGet, "/admin/status",
             OnPool(pool_, [this](const auto&, const auto&) -> Result<http::Response> {
               MR_TRY(const auto pipelines, pipelines_());
               return JsonResponse(StatusJson(pipelines));
             }));
}

}  // namespace millrace::app
