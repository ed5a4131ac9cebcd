#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <system_error>

#include "commands/command.hpp"
#include "exit_codes.hpp"
#include "unknown_command.hpp"
#include "version.hpp"

namespace {

using namespace millrace::app;

/// As a shell shows a program that SIGPIPE has ended.
constexpr int kReaderGone = 141;

/// Whether stdout is a pipe or socket that nobody reads any more, as behind `| head`.
bool ReaderHasGone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/// The exit code, once stdout has everything. It is for data: what it did not take is a
/// failure, a reader that had enough a quiet end.
int EndOfOutput(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (ReaderHasGone()) return code == kOk ? kReaderGone : code;
  std::fprintf(stderr,
               "millrace: standard output took not everything: what it has is "
               "cut short\n");
  return code == kOk ? kFailed : code;
}

int Run(const Action& action) {
  try {
    return action();
  } catch (const std::system_error& error) {
    // fmt::print throws where it cannot write; main says so for stdout.
    if (std::ferror(stdout) != 0) return kOk;
    std::fprintf(stderr, "millrace: %s\n", error.what());
    return kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
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
    return EndOfOutput(code == 0 ? kOk : kUsage);
  }
  return EndOfOutput(Run(action));
}
