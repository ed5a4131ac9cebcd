#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace millrace::app {

/// What the chosen command does; its result is the exit code.
using Action = std::function<int()>;

/// Each adds its subcommands; the one that was chosen sets `action`.
void AddProjectCommands(CLI::App& app, Action& action);   // init, check, config
void AddServeCommand(CLI::App& app, Action& action);      // serve
void AddQueryCommands(CLI::App& app, Action& action);     // sql, status, deadletters
void AddLogCommands(CLI::App& app, Action& action);       // log list|read|tail|append
void AddPipelineCommands(CLI::App& app, Action& action);  // pipelines list|run|…
void AddReplayCommands(CLI::App& app, Action& action);    // replay
void AddImportCommand(CLI::App& app, Action& action);     // import
void AddSimulateCommands(CLI::App& app, Action& action);  // simulate …
void AddLetterCommands(CLI::App& app, Action& action);    // deadletters
void AddTraceCommand(CLI::App& app, Action& action);      // trace
void AddVerifyCommand(CLI::App& app, Action& action);     // verify
void AddBackupCommands(CLI::App& app, Action& action);    // backup, restore
void AddLakeCommands(CLI::App& app, Action& action);      // lake compact
void AddAccountCommands(CLI::App& app, Action& action);   // users, keys, tokens
void AddRulesCommands(CLI::App& app, Action& action);     // rules explain
void AddDemoCommand(CLI::App& app, Action& action);       // demo
void AddReferenceCommand(CLI::App& app, Action& action);  // reference (hidden)

void AddLogAppendCommand(CLI::App& log, Action& action);         // log append
void AddReplayPipelineCommand(CLI::App& group, Action& action);  // pipelines replay

/// Prints "millrace: …" with every bad field to stderr; gives the exit code.
int Report(const Error& error);

}  // namespace millrace::app
