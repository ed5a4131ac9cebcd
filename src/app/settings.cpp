#include "settings.hpp"

#include <unistd.h>

#include <utility>

namespace millrace::app {

std::expected<Settings, std::vector<std::string>> LoadSettings(
    const config::GivenMap& file, const std::filesystem::path& file_directory,
    const std::vector<std::string>& flags, const config::GivenMap& aliases) {
  config::Sources sources;
  sources.file = file;
  sources.file_directory = file_directory;
  sources.environment = config::ReadEnvironment(environ);
  sources.environment.insert(aliases.begin(), aliases.end());
  for (const auto& flag : flags) {
    if (const auto added = config::AddFlag(flag, sources.flags); !added) {
      return std::unexpected(std::vector{added.error().message()});
    }
  }
  config::Loader loader(std::move(sources));
  Settings settings;
  settings.http = loader.Read<HttpSettings>("http");
  settings.live = loader.Read<LiveSettings>("live");
  settings.records = loader.Read<RecordSettings>("records");
  settings.log = loader.Read<LogSettings>("log");
  settings.pipelines = loader.Read<PipelineSettings>("pipelines");
  settings.warehouse = loader.Read<WarehouseSettings>("warehouse");
  settings.logging = loader.Read<LoggingSettings>("logging");
  settings.identity = loader.Read<IdentitySettings>("identity");
  settings.throttle = loader.Read<ThrottleSettings>("throttle");
  auto effective = loader.Finish();
  if (!effective) return std::unexpected(std::move(effective.error()));
  settings.effective = std::move(*effective);
  return settings;
}

}  // namespace millrace::app
