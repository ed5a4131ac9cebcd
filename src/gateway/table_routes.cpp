#include "gateway/table_routes.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "base/json.hpp"
#include "http/answer_on.hpp"
#include "http/problem.hpp"
#include "page.hpp"
#include "query/query.hpp"

namespace millrace::gateway {
namespace {

using warehouse::TableInfo;
using warehouse::Warehouse;

constexpr std::chrono::milliseconds kRowsDeadline{10'000};
constexpr std::string_view kAtLeast = "at_least";

/// The request as the pool's thread needs it.
struct RowsRequest {
  std::string query, table;
  query::Principal who;
};

/// Who may not read a table is not told whether there is one.
bool IsClosed(const AccessControl* access, const std::string& table) {
  return access != nullptr && !access->tables.contains(table);
}

Result<TableInfo> FindTable(Warehouse& warehouse, const std::string& name,
                            const AccessControl* access) {
  if (IsClosed(access, name)) return Fail(AllowTable(access, {}, name, {}).error());
  auto found = warehouse.FindTable(name);
  if (found || found.error().code() != ErrorCode::kNotFound) return found;
  std::string known;
  if (access == nullptr) {
    MR_TRY(const auto tables, warehouse.Tables());
    for (const auto& table : tables) known += (known.empty() ? "" : ", ") + table.name;
  }
  return Fail(ErrorCode::kNotFound, "no table \"" + name + "\"" +
                                        (known.empty() ? "" : "; there are: " + known));
}

Status WaitForVersion(Warehouse& warehouse, const std::string& table,
                      const query::Query& query, Deadline deadline) {
  const auto wanted = query.extra.find(kAtLeast);
  if (wanted == query.extra.end()) return {};
  auto version = Version::Parse(wanted->second);
  if (!version) {
    const std::string expected = "expected a version: 32 hex digits, as in ETag";
    return Fail(Error(ErrorCode::kInvalidArgument, "at_least: " + expected,
                      {{std::string(kAtLeast), expected}}));
  }
  MR_TRY(const bool reached, warehouse.WaitFor(table, *version, deadline));
  if (reached) return {};
  return Fail(ErrorCode::kDeadlineExceeded,
              "the table has not reached version " + wanted->second + " yet: ask again");
}

Result<http::Response> ReadRows(Warehouse& warehouse, const TableRouteOptions& options,
                                const RowsRequest& request) {
  const auto deadline = Deadline::After(kRowsDeadline);
  MR_TRY(const auto table, FindTable(warehouse, request.table, options.access));
  MR_TRY(auto grant, AllowTable(options.access, request.who, table.name, table.columns));
  MR_TRY(auto query,
         query::Parse(request.query, table.name, table.columns, table.key, {kAtLeast},
                      {options.cursor_key, "rows " + grant.scope}));
  // Nor may who sees nothing wait for something.
  if (grant.condition.never()) return PageResponse({}, std::nullopt);
  query.visible = std::move(grant.condition);
  MR_CHECK_OK(WaitForVersion(warehouse, table.name, query, deadline));
  MR_TRY(const auto page, warehouse.Rows(table, query, deadline));
  auto response = PageResponse(page.rows, page.next_cursor);
  if (page.position) {
    response.headers.emplace_back("X-Millrace-Position", page.position->version.ToHex());
  }
  return response;
}

std::string TableJson(const TableInfo& table) {
  std::string out = "{\"table\":";
  AppendJsonString(out, table.name);
  out += ",\"key\":";
  AppendJsonString(out, table.key);
  out += ",\"columns\":[";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    out += i == 0 ? "{\"name\":" : ",{\"name\":";
    AppendJsonString(out, table.columns[i].name);
    out += ",\"type\":";
    AppendJsonString(out, table.columns[i].type.ToString());
    out += '}';
  }
  out += "],\"base_rows\":" + std::to_string(table.base_rows) +
         ",\"delta_rows\":" + std::to_string(table.delta_rows) +
         ",\"merges\":" + std::to_string(table.merges) + ",\"last_merge_seconds\":";
  AppendDouble(out, table.last_merge_seconds);
  out += ",\"worst_merge_seconds\":";
  AppendDouble(out, table.worst_merge_seconds);
  out += '}';
  return out;
}

Result<http::Response> ListTables(Warehouse& warehouse, const AccessControl* access,
                                  const query::Principal& who) {
  MR_TRY(const auto tables, warehouse.Tables());
  std::vector<std::string> items;
  items.reserve(tables.size());
  for (const auto& table : tables) {
    const auto grant = AllowTable(access, who, table.name, table.columns);
    if (grant && !grant->condition.never()) items.push_back(TableJson(table));
  }
  return PageResponse(items, std::nullopt);
}

template <typename Read>
void RunOn(runtime::BlockingPool& pool, const AccessControl* access,
           const http::Request& request, http::Responder responder, Read read) {
  auto who = WhoIs(access, request);
  if (!who) {
    return responder.Send(http::Problem(who.error(), request.path, request.request_id));
  }
  RowsRequest copy{std::string(request.query), std::string(request.Param("table")),
                   *std::move(who)};
  http::AnswerOn(pool, request, std::move(responder),
                 [copy = std::move(copy), read = std::move(read)] { return read(copy); });
}

}  // namespace

TableRoutes::TableRoutes(warehouse::Warehouse& warehouse, runtime::BlockingPool& pool,
                         TableRouteOptions options)
    : warehouse_(warehouse), pool_(pool), options_(std::move(options)) {}

void TableRoutes::AddTo(http::Router& router) {
  using http::Method;
  router.Add(Method::kGet, "/api/tables",
             [this](const http::Request& request, http::Responder responder) {
               RunOn(pool_, options_.access, request, std::move(responder),
                     [this](const RowsRequest& copy) {
                       return ListTables(warehouse_, options_.access, copy.who);
                     });
             });
  router.Add(Method::kGet, "/api/tables/{table}/rows",
             [this](const http::Request& request, http::Responder responder) {
               RunOn(pool_, options_.access, request, std::move(responder),
                     [this](const RowsRequest& copy) {
                       return ReadRows(warehouse_, options_, copy);
                     });
             });
}

}  // namespace millrace::gateway
