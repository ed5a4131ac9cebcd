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

std::expected<LoadedProject, int> LoadProject(const std::filesystem::path& directory,
                                              const std::vector<std::string>& set) {
  auto project = project::Load(directory);
  if (!project) {
    for (const auto& problem : project.error())
      fmt::print(stderr, "{}\n", Format(problem));
    return std::unexpected(kBadProject);
  }
  R0Environment variables_of_r0;
  if (project->r0_environment) {
    auto variables = ReadR0Variables(directory, environ);
    if (!variables) {
      fmt::print(stderr, "millrace: {}\n", variables.error().message());
      return std::unexpected(kBadProject);
    }
    variables_of_r0 = std::move(*variables);
  }
  auto settings = LoadSettings(project->settings, directory, set, variables_of_r0.given);
  if (!settings) {
    for (const auto& line : settings.error()) fmt::print(stderr, "millrace: {}\n", line);
    return std::unexpected(kBadProject);
  }
  auto logger = MakeLogger(settings->logging);
  return LoadedProject{std::move(*project), std::move(*settings), std::move(logger),
                       std::move(variables_of_r0.unused)};
}

}  // namespace millrace::app
