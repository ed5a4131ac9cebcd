#include <malloc.h>

#include <csignal>
#include <cstdio>

#include "commands/command.hpp"
#include "exit_codes.hpp"
#include "unknown_command.hpp"
#include "version.hpp"

int main(int argc, char** argv) {
  using namespace millrace::app;
  std::signal(SIGPIPE, SIG_IGN);
  // An arena a thread, as it would be, keeps what bursts have freed many times over.
  mallopt(M_ARENA_MAX, 4);
  CLI::App app(
      "From an app's HTTP request to its lake, warehouse and dashboards, exactly once.",
      "millrace");
  app.set_version_flag("--version", kVersionLine);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "help of every command");
  Action action;
  AddProjectCommands(app, action);
  AddServeCommand(app, action);
  AddReplayCommands(app, action);
  AddImportCommand(app, action);
  AddSimulateCommands(app, action);
  AddQueryCommands(app, action);
  AddLetterCommands(app, action);
  AddPipelineCommands(app, action);
  AddLogCommands(app, action);
  AddTraceCommand(app, action);
  AddVerifyCommand(app, action);
  AddBackupCommands(app, action);
  AddLakeCommands(app, action);
  AddAccountCommands(app, action);
  AddRulesCommands(app, action);
  AddDemoCommand(app, action);
  AddReferenceCommand(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const auto unknown = UnknownCommand(app); unknown && error.get_exit_code() != 0) {
      std::fprintf(stderr, "millrace: %s\nRun with --help for more information.\n",
                   unknown->c_str());
      return kUsage;
    }
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  const int code = action();
  // stdout is for data: a full disk or a closed pipe behind it is a failure.
  if (std::fflush(stdout) != 0 && code == kOk) return kFailed;
  return code;
}
