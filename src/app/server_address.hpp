#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/client.hpp"

namespace millrace::app {

/// "http://127.0.0.1:8080" (no path, no TLS) or "unix:/path/to/socket".
Result<http::ClientOptions> ParseServerUrl(std::string_view url);

/// The same, and who asks there: the API key that is the first line of `key_file`, or
/// MILLRACE_API_KEY where that is empty; nobody where that is not set either.
Result<http::ClientOptions> ServerAt(std::string_view url,
                                     const std::filesystem::path& key_file);

/// "http://127.0.0.1:8080", "http://[::1]:8080".
std::string UrlOf(std::string_view address, std::uint16_t port);

}  // namespace millrace::app
