#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "config/given.hpp"

namespace millrace::app {

/// Settings that R0's own environment variables stand for (GATEWAY_PORT,
/// AUTH_MICROSERVICE_HOST and _PORT, JWT_SECRET, JWT_EXPIRATION, LOG_LEVEL,
/// THROTTLE_TTL and _LIMIT), from the
/// environment, or else from `.env.<NODE_ENV>` (development when unset), or else from
/// `.env`, both in the project's directory. With NODE_ENV=production no file is read.
/// kInvalidArgument names the file and line that cannot be read.
Result<config::GivenMap> ReadR0Variables(const std::filesystem::path& project,
                                         const char* const* environment);

}  // namespace millrace::app
