#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/given.hpp"

namespace millrace::app {

/// What R0's own environment variables say.
struct R0Environment {
  /// GATEWAY_PORT, AUTH_MICROSERVICE_HOST and _PORT, JWT_SECRET, JWT_EXPIRATION,
  /// LOG_LEVEL, THROTTLE_TTL and _LIMIT.
  config::GivenMap given;

  struct Unused {
    std::string variable;
    std::string_view instead;
  };
  /// Those that name a server whose work is done in this process: MongoDB, Redis, MinIO.
  std::vector<Unused> unused;
};

/// From the environment, or else from `.env.<NODE_ENV>` (development when unset), or else
/// from `.env`, both in the project's directory. With NODE_ENV=production no file is
/// read. What R0's description and its code call by two names (REDIS_HOST,
/// ETL_REDIS_HOST) may come under either. kInvalidArgument names the file and line that
/// cannot be read, or the two names with different values.
Result<R0Environment> ReadR0Variables(const std::filesystem::path& project,
                                      const char* const* environment);

}  // namespace millrace::app
