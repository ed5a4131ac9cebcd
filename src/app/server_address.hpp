#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "http/client.hpp"

namespace millrace::app {

/// "http://127.0.0.1:8080" (no path, no TLS) or "unix:/path/to/socket".
Result<http::ClientOptions> ParseServerUrl(std::string_view url);

}  // namespace millrace::app
