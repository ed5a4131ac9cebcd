#pragma once

#include <span>
#include <string>

#include "gateway/ops_routes.hpp"
#include "http/message.hpp"

namespace millrace::gateway {

/// As the health checks of NestJS answer: 200, or 503 where a part is not ready, with
/// {"status","info","error","details"}; parts are "up", or "down" with a message.
http::Response HealthResponse(std::span<const Part> parts);

}  // namespace millrace::gateway
