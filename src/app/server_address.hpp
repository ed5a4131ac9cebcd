#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/client.hpp"

namespace millrace::app {

/// "http://127.0.0.1:8080" (no path, no TLS) or "unix:/path/to/socket".
Result<http::ClientOptions> ParseServerUrl(std::string_view url);

/// "http://127.0.0.1:8080", "http://[::1]:8080".
std::string UrlOf(std::string_view address, std::uint16_t port);

}  // namespace millrace::app
