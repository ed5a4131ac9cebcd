#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "project/project.hpp"
#include "r0_variables.hpp"
#include "settings.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// "the project has problems:" and each on a line of its own.
Error ErrorOf(const std::vector<project::Problem>& problems);

struct LoadedProject {
  project::Project project;
  Settings settings;
  std::unique_ptr<telemetry::Logger> logger;
  /// Variables that stand for servers which are not asked here.
  std::vector<R0Environment::Unused> unused_variables;
};

struct LoadedSettings {
  Settings settings;
  std::vector<R0Environment::Unused> unused_variables;
};

/// The settings that a project is served with (`set`: section.key=value, over file and
/// environment, where R0's variables stand for settings if the project says so). The
/// error: what is wrong, a line each.
std::expected<LoadedSettings, std::vector<std::string>> LoadSettingsOf(
    const project::Project& project, const std::filesystem::path& directory,
    const std::vector<std::string>& set);

/// A project with its settings (`set`: section.key=value, over file and environment) and
/// its logger, for a command: what is wrong goes to stderr, the exit code is the error.
std::expected<LoadedProject, int> LoadProject(const std::filesystem::path& directory,
                                              const std::vector<std::string>& set);

}  // namespace millrace::app
