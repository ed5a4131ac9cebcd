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

/// A project with its settings (`set`: section.key=value, over file and environment) and
/// its logger, for a command: what is wrong goes to stderr, the exit code is the error.
std::expected<LoadedProject, int> LoadProject(const std::filesystem::path& directory,
                                              const std::vector<std::string>& set);

}  // namespace millrace::app
