#include "r0_variables.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "dot_env.hpp"

namespace millrace::app {
namespace {

struct Alias {
  std::string_view variable;
  std::string_view setting;
  std::string (*convert)(std::string_view value);
};

std::string AsItIs(std::string_view value) { return std::string(value); }

/// NestJS's levels in our words; what is none of them is named as wrong later.
std::string Level(std::string_view value) {
  if (value == "verbose") return "debug";
  if (value == "log") return "info";
  return std::string(value);
}

/// "3600s", "1h", "500ms" as they are; "7d" in hours.
std::string Lifetime(std::string_view value) {
  std::int64_t days = 0;
  const auto [end, failed] =
      std::from_chars(value.data(), value.data() + value.size(), days);
  const std::string_view unit(end, value.data() + value.size());
  if (failed != std::errc() || unit != "d" || days > 366) return std::string(value);
  return std::to_string(24 * days) + "h";
}

/// Milliseconds, without a unit.
std::string Milliseconds(std::string_view value) {
  return std::string(value) + (value.ends_with('s') ? "" : "ms");
}

constexpr std::array<Alias, 8> kAliases = {{
    {"GATEWAY_PORT", "http.port", AsItIs},
    {"AUTH_MICROSERVICE_HOST", "identity.host", AsItIs},
    {"AUTH_MICROSERVICE_PORT", "identity.port", AsItIs},
    {"JWT_SECRET", "identity.jwt_secret", AsItIs},
    {"JWT_EXPIRATION", "identity.jwt_expiration", Lifetime},
    {"LOG_LEVEL", "logging.level", Level},
    {"THROTTLE_TTL", "throttle.ttl", Milliseconds},
    {"THROTTLE_LIMIT", "throttle.limit", AsItIs},
}};

/// Of a server that R0 needs: what the description calls it, and what the code.
struct ServerAlias {
  std::string_view described, coded;
  std::string_view instead;
};

constexpr std::string_view kRecords = "records are kept in the data directory";
constexpr std::string_view kLog = "the log in the data directory is the queue";
constexpr std::string_view kStream =
    "the log's streams are called like collections and streams of the project";
constexpr std::string_view kLake = "the lake is the folder lake of the data directory";
constexpr std::string_view kNobody = "nothing asked it there either";

constexpr std::array<ServerAlias, 12> kServers = {{
    {"MONGO_URI", "MONGO_URI", kRecords},
    {"DATA_MICROSERVICE_HOST", "DATA_MICROSERVICE_HOST", kNobody},
    {"DATA_MICROSERVICE_PORT", "DATA_MICROSERVICE_PORT", kNobody},
    {"REDIS_HOST", "ETL_REDIS_HOST", kLog},
    {"REDIS_PORT", "ETL_REDIS_PORT", kLog},
    {"ORDERS_STREAM_NAME", "ETL_REDIS_ORDERS_STREAM_NAME", kStream},
    {"MINIO_ENDPOINT", "ETL_MINIO_ENDPOINT", kLake},
    {"MINIO_ACCESS_KEY", "ETL_MINIO_ACCESS_KEY", kLake},
    {"MINIO_SECRET_KEY", "ETL_MINIO_SECRET_KEY", kLake},
    {"MINIO_BUCKET", "ETL_MINIO_BUCKET_NAME", kLake},
    {"MINIO_API_PORT", "ETL_MINIO_API_PORT", kLake},
    {"MINIO_CONSOLE_PORT", "ETL_MINIO_CONSOLE_PORT", kLake},
}};

/// The two names of one thing must not say different things: values may be secrets, and
/// are not repeated.
Status AddUnused(const Variables& variables, std::vector<R0Environment::Unused>& unused) {
  for (const auto& [described, coded, instead] : kServers) {
    const auto one = variables.find(described), other = variables.find(coded);
    const bool has_one = one != variables.end(), has_other = other != variables.end();
    if (has_one && has_other && one->second != other->second) {
      std::string message(described);
      message.append(" and ").append(coded);
      return Fail(ErrorCode::kInvalidArgument,
                  message + " are the same and have different values: leave one out");
    }
    if (has_other) {
      unused.push_back({std::string(coded), instead});
    } else if (has_one) {
      unused.push_back({std::string(described), instead});
    }
  }
  return {};
}

/// The variables of a file that are not there yet.
Status AddFile(const std::filesystem::path& path, Variables& variables) {
  const auto text = ReadFile(path, 1u << 20u);
  if (!text && text.error().code() == ErrorCode::kNotFound) return {};
  MR_CHECK_OK(text);
  auto read = ParseDotEnv(*text);
  if (!read) return Fail(std::move(read.error()).During(path.string()));
  variables.merge(*read);
  return {};
}

}  // namespace

Result<R0Environment> ReadR0Variables(const std::filesystem::path& project,
                                      const char* const* environment) {
  Variables variables;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const auto equals = std::min(entry.find('='), entry.size());
    variables.emplace(entry.substr(0, equals),
                      entry.substr(std::min(equals + 1, entry.size())));
  }
  const auto mode = variables.find("NODE_ENV");
  const std::string name = mode == variables.end() ? "development" : mode->second;
  if (name != "production") {
    MR_CHECK_OK(AddFile(project / (".env." + name), variables));
    MR_CHECK_OK(AddFile(project / ".env", variables));
  }
  R0Environment read;
  for (const auto& alias : kAliases) {
    const auto found = variables.find(alias.variable);
    if (found == variables.end()) continue;
    read.given.emplace(alias.setting, config::Given{alias.convert(found->second),
                                                    std::string(alias.variable)});
  }
  MR_CHECK_OK(AddUnused(variables, read.unused));
  return read;
}

}  // namespace millrace::app
