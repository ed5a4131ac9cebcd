#include "gateway/door_gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client_address.hpp"
#include "http/problem.hpp"

namespace millrace::gateway {
namespace {

constexpr std::string_view kSecurity =
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: "
    "no-referrer\r\n";
constexpr std::string_view kExposed =
    "Access-Control-Expose-Headers: ETag, Location, Retry-After, RateLimit, "
    "RateLimit-Policy, X-Request-Id, X-Millrace-Position, Idempotent-Replayed, "
    "WWW-Authenticate\r\n";
constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";
constexpr std::string_view kHeaders =
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, "
    "Last-Event-ID, X-API-Key, X-Request-Id, traceparent";

std::int64_t SecondsUp(cache::Lifetime time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

bool IsCounted(std::string_view path) {
  return path != "/livez" && path != "/readyz" && path != "/metrics" && path != "/health";
}

class DoorGate final : public http::Gate {
 public:
  DoorGate(const project::Door& door, cache::Cache& cache, telemetry::Registry& registry,
           WhoAsks who)
      : door_(door), cache_(cache), who_(std::move(who)) {
    for (const auto& limit : door_.limits) {
      policy_ += fmt::format("{}\"{}\";q={};w={}", policy_.empty() ? "" : ", ",
                             limit.name, limit.requests, limit.every_ms / 1000);
      asks_who_ |= limit.per_user || limit.per_key || limit.per_tenant;
      refused_.push_back(&registry.AddCounter(
          "http_rate_limited_total", "requests beyond a limit", {{"limit", limit.name}}));
    }
  }

  std::optional<http::Response> Look(const http::Request& request, std::string_view route,
                                     std::string& headers) override {
    headers += kSecurity;
    if (auto preflight = LookAtOrigin(request, headers)) return preflight;
    if (door_.limits.empty() || !IsCounted(request.path)) return std::nullopt;
    return Count(request, route, headers);
  }

 private:
  /// The answer to a preflight, or none.
  std::optional<http::Response> LookAtOrigin(const http::Request& request,
                                             std::string& headers) const {
    const auto& cors = door_.cors;
    if (cors.origins.empty()) return std::nullopt;
    const bool all = cors.origins.front() == "*";
    if (!all) headers += "Vary: Origin\r\n";
    const auto origin = request.Header("origin");
    if (origin.empty()) return std::nullopt;
    if (!all && std::ranges::find(cors.origins, origin) == cors.origins.end()) {
      return std::nullopt;  // the browser keeps the answer from the page
    }
    headers += fmt::format("Access-Control-Allow-Origin: {}\r\n",
                           all ? std::string_view("*") : origin);
    if (cors.credentials) headers += "Access-Control-Allow-Credentials: true\r\n";
    headers += kExposed;
    if (request.method != http::Method::kOptions ||
        request.Header("access-control-request-method").empty()) {
      return std::nullopt;
    }
    headers += fmt::format(
        "Access-Control-Allow-Methods: {}\r\nAccess-Control-Allow-Headers: {}\r\n"
        "Access-Control-Max-Age: {}\r\n",
        kMethods, kHeaders, cors.max_age_ms / 1000);
    return http::Response{.status = 204};
  }

  std::optional<http::Response> Count(const http::Request& request,
                                      std::string_view route, std::string& headers) {
    const auto client = ClientKey(request, door_.trusted_proxies);
    const auto who = WhoCounts(request);
    std::optional<std::pair<std::size_t, cache::Allowance>> tightest;
    for (std::size_t i = 0; i < door_.limits.size(); ++i) {
      const auto& limit = door_.limits[i];
      auto key = KeyOf(limit, who, client);
      if (limit.per_route) key.append(http::ToString(request.method)).append(route);
      const auto allowance = cache_.Take(
          key, {limit.requests, std::chrono::milliseconds(limit.every_ms), {}});
      if (!allowance) continue;
      if (!tightest || !allowance->allowed ||
          allowance->remaining < tightest->second.remaining) {
        tightest = {i, *allowance};
      }
      if (!allowance->allowed) break;
    }
    if (!tightest) return std::nullopt;
    const auto& [i, allowance] = *tightest;
    headers += fmt::format("RateLimit-Policy: {}\r\nRateLimit: \"{}\";r={};t={}\r\n",
                           policy_, door_.limits[i].name, allowance.remaining,
                           SecondsUp(allowance.reset));
    if (allowance.allowed) return std::nullopt;
    refused_[i]->Add();
    return Refusal(request, door_.limits[i], allowance);
  }

  /// Nobody where no limit needs it: to ask has a price.
  query::Principal WhoCounts(const http::Request& request) const {
    if (!asks_who_ || !who_) return {};
    return who_(request).value_or(query::Principal());
  }

  static std::string KeyOf(const project::RateLimit& limit, const query::Principal& who,
                           const std::string& client) {
    std::string key = limit.name;
    const auto add = [&](char kind, const std::string& one) {
      key += '|';
      key += one.empty() ? 'i' : kind;
      key += one.empty() ? client : one;
    };
    if (limit.per_user) add('u', who.user_id.empty() ? who.key_id : who.user_id);
    if (limit.per_key) add('k', who.key_id);
    if (limit.per_tenant) add('t', who.tenant);
    key += '|';
    if (limit.per_ip) key += client;
    return key += '|';
  }

  static http::Response Refusal(const http::Request& request,
                                const project::RateLimit& limit,
                                const cache::Allowance& allowance) {
    const auto wait = SecondsUp(allowance.retry_after);
    auto response = http::ProblemOf(
        429, "rate_limited",
        fmt::format("limit {}: at most {} requests in {} s; again in {} s", limit.name,
                    limit.requests, limit.every_ms / 1000, wait),
        request.path, request.request_id);
    response.headers.emplace_back("Retry-After", std::to_string(wait));
    return response;
  }

  const project::Door door_;
  cache::Cache& cache_;
  const WhoAsks who_;
  bool asks_who_ = false;
  std::string policy_;
  std::vector<telemetry::Counter*> refused_;
};

}  // namespace

std::shared_ptr<http::Gate> MakeDoorGate(const project::Door& door, cache::Cache& cache,
                                         telemetry::Registry& registry, WhoAsks who) {
  return std::make_shared<DoorGate>(door, cache, registry, std::move(who));
}

}  // namespace millrace::gateway
