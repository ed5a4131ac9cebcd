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

Result<config::GivenMap> ReadR0Variables(const std::filesystem::path& project,
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
  config::GivenMap given;
  for (const auto& alias : kAliases) {
    const auto found = variables.find(alias.variable);
    if (found == variables.end()) continue;
    given.emplace(alias.setting, config::Given{alias.convert(found->second),
                                               std::string(alias.variable)});
  }
  return given;
}

}  // namespace millrace::app
