#include "logger.hpp"

namespace millrace::app {

std::unique_ptr<telemetry::Logger> MakeLogger(const LoggingSettings& settings) {
  telemetry::LogOptions options;
  options.context = "server";
  if (const auto level = telemetry::ParseLevel(settings.level)) options.level = *level;
  if (settings.format == "text") options.format = telemetry::LogFormat::kText;
  if (settings.format == "json") options.format = telemetry::LogFormat::kJson;
  return std::make_unique<telemetry::Logger>(options);
}

}  // namespace millrace::app
