#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "project/project.hpp"

namespace millrace::app {

struct HttpSettings {
  std::string address = "127.0.0.1";
  std::uint32_t port = 8080;
  config::Bytes body_limit{8u << 20u};
  std::uint32_t batch_max = 10'000;
  std::uint32_t read_threads = 4;
  std::uint32_t connections = 4096;
  std::chrono::milliseconds idle_timeout{75'000};
  bool gzip = true;
  bool docs = true;

  static auto Fields() {
    using C = HttpSettings;
    return std::tuple{
        config::Field{"address", &C::address,
                      "address to listen on; loopback while access is open"},
        config::Field{"port", &C::port, "TCP port; 0 picks a free one",
                      config::Within{0, 65535}},
        config::Field{"body_limit", &C::body_limit, "largest request body; more is 413",
                      config::Within{config::Bytes{1024}, config::Bytes{12u << 20u}}},
        config::Field{"batch_max", &C::batch_max, "most records in one array",
                      config::Within{1, 100'000}},
        config::Field{"read_threads", &C::read_threads, "threads for lists, rows and SQL",
                      config::Within{1, 64}},
        config::Field{"connections", &C::connections,
                      "most at a time, live subscriptions included; more wait",
                      config::Within{1, 1'000'000}},
        config::Field{"idle_timeout", &C::idle_timeout,
                      "a connection without a request for so long is closed",
                      config::Within{std::chrono::milliseconds{100},
                                     std::chrono::milliseconds{3'600'000}}},
        config::Field{"gzip", &C::gzip,
                      "compress answers of 1 KiB and more where the client takes gzip"},
        config::Field{"docs", &C::docs,
                      "serve /openapi.json and the documentation page /api/docs"}};
  }
};

struct LiveSettings {
  config::Bytes buffer{1u << 20u};
  std::chrono::milliseconds heartbeat{15'000};

  static auto Fields() {
    using C = LiveSettings;
    return std::tuple{
        config::Field{
            "buffer", &C::buffer,
            "messages that wait for one subscriber; it is cut beyond",
            config::Within{config::Bytes{64u << 10u}, config::Bytes{1u << 30u}}},
        config::Field{"heartbeat", &C::heartbeat,
                      "a quiet subscription gets a sign of life this often",
                      config::Within{std::chrono::milliseconds{100},
                                     std::chrono::milliseconds{3'600'000}}}};
  }
};

struct RecordSettings {
  std::uint32_t group_max = 512;
  std::uint32_t queue_max = 10'000;

  static auto Fields() {
    using C = RecordSettings;
    return std::tuple{
        config::Field{"group_max", &C::group_max, "most requests in one commit",
                      config::Within{1, 10'000}},
        config::Field{"queue_max", &C::queue_max, "most requests waiting for the writer",
                      config::Within{1, 1'000'000}}};
  }
};

struct LogSettings {
  config::Bytes segment_size{64u << 20u};
  std::optional<config::Bytes> max_bytes;
  std::string on_full = "auto";

  static auto Fields() {
    using C = LogSettings;
    return std::tuple{
        config::Field{"segment_size", &C::segment_size,
                      "a stream begins a new file past this size",
                      config::Within{config::Bytes{1u << 20u}, config::Bytes{1u << 30u}}},
        config::Field{"max_bytes", &C::max_bytes,
                      "most bytes the log keeps; the oldest segments go first"},
        config::Field{
            "on_full", &C::on_full,
            "at max_bytes, when the rest is unread: drop_oldest, refuse, or auto: "
            "changes of records drop, declared streams are refused",
            config::Choices<std::string>{
                {"auto", "auto"}, {"drop_oldest", "drop_oldest"}, {"refuse", "refuse"}}}};
  }
};

struct PipelineSettings {
  config::Bytes lookup_cache{64u << 20u};
  config::Bytes memory{256u << 20u};
  std::uint32_t row_group_rows = 61'440;

  static auto Fields() {
    using C = PipelineSettings;
    return std::tuple{config::Field{"lookup_cache", &C::lookup_cache,
                                    "memory for lookup rows, all pipelines"},
                      config::Field{"memory", &C::memory,
                                    "memory limit of the SQL engine of pipelines"},
                      config::Field{"row_group_rows", &C::row_group_rows,
                                    "rows a Parquet row group at most",
                                    config::Within{2048, 1'000'000}}};
  }
};

struct WarehouseSettings {
  config::Bytes memory{160u << 20u};
  std::uint32_t merge_percent = 25;

  static auto Fields() {
    using C = WarehouseSettings;
    return std::tuple{
        config::Field{"memory", &C::memory, "memory limit of the warehouse's SQL engine"},
        config::Field{"merge_percent", &C::merge_percent,
                      "a table is merged when its delta is this part of its base",
                      config::Within{5, 100}}};
  }
};

struct LoggingSettings {
  std::string level = "info";
  std::string format = "auto";

  static auto Fields() {
    using C = LoggingSettings;
    return std::tuple{
        config::Field{"level", &C::level, "least level that is written",
                      config::Choices<std::string>{{"debug", "debug"},
                                                   {"info", "info"},
                                                   {"warn", "warn"},
                                                   {"error", "error"}}},
        config::Field{"format", &C::format,
                      "form of the log on stderr; auto: text on a terminal",
                      config::Choices<std::string>{
                          {"auto", "auto"}, {"text", "text"}, {"json", "json"}}}};
  }
};

/// Users, sessions and passwords; with `auth: {style: r0}` also where the identity
/// service listens, and where the gateway finds it.
struct IdentitySettings {
  std::string address = "127.0.0.1";
  std::string host = "localhost";
  std::uint32_t port = 3001;
  std::optional<std::uint32_t> health_port;
  config::Secret jwt_secret;
  config::Secret service_token;
  std::chrono::milliseconds jwt_expiration{3'600'000};
  std::uint32_t hash_threads = 1;
  std::uint32_t hash_queue = 32;
  std::string sign_up = "open";
  std::string issuer;
  std::string audience;
  std::chrono::milliseconds access_token{600'000};
  std::chrono::milliseconds session{30LL * 86'400'000};
  std::uint32_t account_failures = 10;
  std::uint32_t address_failures = 100;
  std::uint32_t sign_ups = 60;
  std::chrono::milliseconds failure_window{60'000};

  static auto Fields() {
    using C = IdentitySettings;
    return std::tuple{
        config::Field{"address", &C::address,
                      "address that the identity service listens on; without a "
                      "service_token it trusts whoever reaches it"},
        config::Field{"host", &C::host, "where the gateway finds the identity service"},
        config::Field{"port", &C::port, "TCP port of the identity service; 0 picks one",
                      config::Within{0, 65535}},
        config::Field{
            "health_port", &C::health_port,
            "HTTP port of the identity service's /health, /readyz and /metrics, "
            "for whoever reaches it; 0 picks one",
            config::Within{0, 65535}},
        config::Field{
            "jwt_secret", &C::jwt_secret,
            "signs the tokens of `style: r0`; the same for gateway and identity "
            "service"},
        config::Field{"service_token", &C::service_token,
                      "what the gateway must send with each message; empty: nothing, as "
                      "NestJS does it"},
        config::Field{"jwt_expiration", &C::jwt_expiration,
                      "life of an access token of `style: r0`",
                      config::Within{std::chrono::milliseconds{1'000},
                                     std::chrono::milliseconds{365LL * 86'400'000}}},
        config::Field{"hash_threads", &C::hash_threads, "passwords hashed at a time",
                      config::Within{1, 64}},
        config::Field{"hash_queue", &C::hash_queue,
                      "most passwords waiting for that; more is answered 503",
                      config::Within{1, 10'000}},
        config::Field{
            "sign_up", &C::sign_up,
            "open: everybody can sign up; closed: `millrace users add` alone",
            config::Choices<std::string>{{"open", "open"}, {"closed", "closed"}}},
        config::Field{"issuer", &C::issuer,
                      "`iss` of access tokens: the public URL; urn:millrace:<project> "
                      "when empty"},
        config::Field{"audience", &C::audience,
                      "`aud` of access tokens; the project's name when empty"},
        config::Field{"access_token", &C::access_token, "life of an access token",
                      config::Within{std::chrono::milliseconds{1'000},
                                     std::chrono::milliseconds{86'400'000}}},
        config::Field{"session", &C::session,
                      "a session without a refresh for so long is over",
                      config::Within{std::chrono::milliseconds{1'000},
                                     std::chrono::milliseconds{365LL * 86'400'000}}},
        config::Field{"account_failures", &C::account_failures,
                      "wrong passwords of one address for one account in "
                      "failure_window; more is 429",
                      config::Within{1, 1'000'000}},
        config::Field{"address_failures", &C::address_failures,
                      "wrong passwords of one address in failure_window; more is 429",
                      config::Within{1, 1'000'000}},
        config::Field{"sign_ups", &C::sign_ups,
                      "sign-ups of one address in failure_window; more is 429",
                      config::Within{1, 1'000'000}},
        config::Field{"failure_window", &C::failure_window,
                      "time in which those are counted",
                      config::Within{std::chrono::milliseconds{1'000},
                                     std::chrono::milliseconds{86'400'000}}}};
  }
};

/// How often one address may call one route of a project with `auth: {style: r0}`.
struct ThrottleSettings {
  std::chrono::milliseconds ttl{60'000};
  std::uint32_t limit = 10;

  static auto Fields() {
    using C = ThrottleSettings;
    return std::tuple{
        config::Field{"ttl", &C::ttl,
                      "time in which calls are counted, and for which more are refused",
                      config::Within{std::chrono::milliseconds{1},
                                     std::chrono::milliseconds{86'400'000}}},
        config::Field{"limit", &C::limit,
                      "most calls of one address to one route in that time; more is 429",
                      config::Within{1, 1'000'000}}};
  }
};

/// Every setting of the process, with where each came from.
struct Settings {
  HttpSettings http;
  LiveSettings live;
  RecordSettings records;
  LogSettings log;
  PipelineSettings pipelines;
  WarehouseSettings warehouse;
  LoggingSettings logging;
  IdentitySettings identity;
  ThrottleSettings throttle;
  std::vector<config::Setting> effective;
};

/// `aliases` are variables of another name, weaker than MILLRACE__…. File (the project's
/// `settings:`), environment, flags (`--set section.key=value`); or every problem, a line
/// each.
std::expected<Settings, std::vector<std::string>> LoadSettings(
    const config::GivenMap& file, const std::filesystem::path& file_directory,
    const std::vector<std::string>& flags, const config::GivenMap& aliases = {});

}  // namespace millrace::app
