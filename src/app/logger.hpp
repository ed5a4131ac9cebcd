#pragma once

#include <memory>

#include "settings.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

std::unique_ptr<telemetry::Logger> MakeLogger(const LoggingSettings& settings);

}  // namespace millrace::app
