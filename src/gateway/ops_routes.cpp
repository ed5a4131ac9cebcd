#include "gateway/ops_routes.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "health.hpp"

namespace millrace::gateway {
namespace {

http::Response ReadyResponse(const std::vector<Part>& parts) {
  http::Response response;
  const bool ready = std::ranges::all_of(parts, &Part::ready);
  response.status = ready ? 200 : 503;
  response.body = ready ? R"({"ready":true,"parts":[)" : R"({"ready":false,"parts":[)";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto& out = response.body;
    out += i == 0 ? "{\"name\":" : ",{\"name\":";
    AppendJsonString(out, parts[i].name);
    out += parts[i].ready ? ",\"ready\":true" : ",\"ready\":false";
    if (!parts[i].reason.empty()) {
      out += ",\"reason\":";
      AppendJsonString(out, parts[i].reason);
    }
    out += '}';
  }
  response.body += "]}";
  return response;
}

}  // namespace

OpsRoutes::OpsRoutes(telemetry::Registry& registry,
                     std::function<std::vector<Part>()> parts, std::string version)
    : registry_(registry), parts_(std::move(parts)), version_(std::move(version)) {}

void OpsRoutes::AddTo(http::Router& router) {
  using http::Method;
  using http::Request;
  using http::Responder;
  router.Add(Method::kGet, "/livez", [](const Request&, Responder responder) {
    responder.Send({.body = R"({"status":"ok"})"});
  });
  router.Add(Method::kGet, "/readyz", [this](const Request&, Responder responder) {
    responder.Send(ReadyResponse(parts_()));
  });
  router.Add(Method::kGet, "/metrics", [this](const Request&, Responder responder) {
    responder.Send({.content_type = std::string(telemetry::kExpositionContentType),
                    .body = registry_.Render()});
  });
  router.Add(Method::kGet, "/version", [this](const Request&, Responder responder) {
    responder.Send({.body = version_});
  });
}

void OpsRoutes::AddHealthTo(http::Router& router) {
  router.Add(http::Method::kGet, "/health",
             [this](const http::Request&, http::Responder responder) {
               responder.Send(HealthResponse(parts_()));
             });
}

}  // namespace millrace::gateway
