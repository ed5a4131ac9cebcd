#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace millrace::app {

/// What to say where a command was expected and another word stood, with the command that
/// may have been meant. `app` has just refused a command line. nullopt: it was refused
/// for something else.
std::optional<std::string> UnknownCommand(const CLI::App& app);

}  // namespace millrace::app
