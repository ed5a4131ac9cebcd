#include "project_loading.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "exit_codes.hpp"
#include "logger.hpp"

namespace millrace::app {

Error ErrorOf(const std::vector<project::Problem>& problems) {
  std::string text = "the project has problems:";
  for (const auto& problem : problems) text += "\n" + Format(problem);
  return {ErrorCode::kInvalidArgument, std::move(text)};
}

std::expected<LoadedSettings, std::vector<std::string>> LoadSettingsOf(
    const project::Project& project, const std::filesystem::path& directory,
    const std::vector<std::string>& set) {
  R0Environment r0;
  if (project.r0_environment) {
    auto variables = ReadR0Variables(directory, environ);
    if (!variables) return std::unexpected(std::vector{variables.error().message()});
    r0 = std::move(*variables);
  }
  auto settings = LoadSettings(project.settings, directory, set, r0.given);
  if (!settings) return std::unexpected(std::move(settings.error()));
  return LoadedSettings{std::move(*settings), std::move(r0.unused)};
}

std::expected<LoadedProject, int> LoadProject(const std::filesystem::path& directory,
                                              const std::vector<std::string>& set) {
  auto project = project::Load(directory);
  if (!project) {
    for (const auto& problem : project.error())
      fmt::print(stderr, "{}\n", Format(problem));
    return std::unexpected(kBadProject);
  }
  auto loaded = LoadSettingsOf(*project, directory, set);
  if (!loaded) {
    for (const auto& line : loaded.error()) fmt::print(stderr, "millrace: {}\n", line);
    return std::unexpected(kBadProject);
  }
  auto logger = MakeLogger(loaded->settings.logging);
  return LoadedProject{std::move(*project), std::move(loaded->settings),
                       std::move(logger), std::move(loaded->unused_variables)};
}

}  // namespace millrace::app
