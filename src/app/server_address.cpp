#include "server_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "secret_input.hpp"

namespace millrace::app {
namespace {

Error BadUrl(std::string_view url) {
  return Error(ErrorCode::kInvalidArgument,
               "\"" + std::string(url) +
                   "\" is no server address: expected http://HOST:PORT or unix:/PATH");
}

}  // namespace

Result<http::ClientOptions> ParseServerUrl(std::string_view url) {
  http::ClientOptions options;
  if (url.starts_with("unix:")) {
    options.unix_socket = std::string(url.substr(5));
    return options;
  }
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return Fail(BadUrl(url));
  auto rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const bool v6 = bracket != std::string_view::npos;
  const auto colon = rest.find(':', v6 ? bracket : 0);
  const auto port = colon == std::string_view::npos ? "80" : rest.substr(colon + 1);
  options.host = rest.substr(0, colon);
  if (v6) {
    if (options.host.size() != bracket + 1) return Fail(BadUrl(url));
    options.host = options.host.substr(1, bracket - 1);
  }
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error != std::errc() || end != port.data() + port.size() || options.host.empty()) {
    return Fail(BadUrl(url));
  }
  return options;
}

Result<http::ClientOptions> ServerAt(std::string_view url,
                                     const std::filesystem::path& key_file) {
  MR_TRY(auto options, ParseServerUrl(url));
  const char* const given = std::getenv("MILLRACE_API_KEY");
  std::string key = given == nullptr ? "" : given;
  if (!key_file.empty()) {
    MR_TRY(key, ReadSecret(key_file));
  }
  if (key.empty()) return options;
  const bool printable =
      std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable) {
    return Fail(
        ErrorCode::kInvalidArgument,
        (key_file.empty() ? "MILLRACE_API_KEY" : key_file.string()) +
            " is no API key: expected mr_…, as `millrace keys create` printed it");
  }
  options.headers.emplace_back("X-API-Key", std::move(key));
  return options;
}

std::string UrlOf(std::string_view address, std::uint16_t port) {
  const bool v6 = address.contains(':');
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", address, v6 ? "]" : "", port);
}

}  // namespace millrace::app
