#include "gateway_role.hpp"

#include <utility>

#include "cache_embedded/memory_cache.hpp"
#include "gateway/docs_routes.hpp"
#include "gateway/openapi.hpp"
#include "gateway/ops_routes.hpp"
#include "gateway/r0_routes.hpp"
#include "http/server.hpp"
#include "rpc/client.hpp"
#include "server_address.hpp"
#include "version.hpp"

namespace millrace::app {

class GatewayRole::Impl {
 public:
  Impl(const Settings& settings, telemetry::Logger& logger)
      : log_(logger, "gateway"),
        address_(settings.http.address),
        identity_(
            std::make_unique<rpc::Client>(ClientOptionsOf(settings.identity), log_)),
        routes_(*identity_, *cache_, R0OptionsOf(settings), log_) {}

  ~Impl() {
    server_.reset();
    identity_.reset();  // its callbacks use the routes
  }

  Status Start(const Settings& settings) {
    process_metrics_ = telemetry::AddProcessMetrics(metrics_);
    http::ServerOptions options;
    options.gzip = settings.http.gzip;
    options.limits.idle_timeout = settings.http.idle_timeout;
    options.limits.connections = settings.http.connections;
    auto& listener = options.listeners.emplace_back();
    listener.address = address_;
    listener.port = static_cast<std::uint16_t>(settings.http.port);
    routes_.AddTo(listener.router);
    ops_.AddTo(listener.router);
    if (settings.http.docs) docs_.AddTo(listener.router);
    auto server = http::Server::Start(std::move(options), metrics_, log_);
    if (!server) return Fail(std::move(server.error()).During("listen"));
    server_ = std::move(*server);
    return {};
  }

  std::string url() const { return UrlOf(address_, server_->port(0)); }
  bool Stop(Deadline deadline) { return server_->Drain(deadline); }

 private:
  static rpc::ClientOptions ClientOptionsOf(const IdentitySettings& settings) {
    rpc::ClientOptions options;
    options.host = settings.host;
    options.port = static_cast<std::uint16_t>(settings.port);
    options.service_token = settings.service_token.value;
    return options;
  }

  static gateway::R0Options R0OptionsOf(const Settings& settings) {
    gateway::R0Options options;
    options.token_secret = settings.identity.jwt_secret.value;
    options.throttle_limit = settings.throttle.limit;
    options.throttle_ttl = settings.throttle.ttl;
    return options;
  }

  telemetry::Logger log_;
  const std::string address_;
  telemetry::Registry metrics_;
  std::vector<telemetry::CallbackHandle> process_metrics_;
  std::unique_ptr<rpc::Client> identity_;
  const std::unique_ptr<cache::Cache> cache_ = cache::MakeMemoryCache();
  gateway::R0Routes routes_;
  /// Ready to serve even when the identity service is not: what it says then is right.
  gateway::OpsRoutes ops_{
      metrics_, [] { return std::vector<gateway::Part>{{"gateway", true, ""}}; },
      std::string(R"({"version":")") + kVersion + "\"}"};
  gateway::DocsRoutes docs_{gateway::OpenApiDocumentOfR0(), "Monorepo API Gateway"};
  std::unique_ptr<http::Server> server_;
};

GatewayRole::GatewayRole(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GatewayRole::~GatewayRole() = default;

Result<std::unique_ptr<GatewayRole>> GatewayRole::Start(const Settings& settings,
                                                        telemetry::Logger& logger) {
  auto impl = std::make_unique<Impl>(settings, logger);
  MR_CHECK_OK(impl->Start(settings));
  return std::unique_ptr<GatewayRole>(new GatewayRole(std::move(impl)));
}

std::string GatewayRole::url() const { return impl_->url(); }
bool GatewayRole::Stop(Deadline deadline) { return impl_->Stop(deadline); }

}  // namespace millrace::app
