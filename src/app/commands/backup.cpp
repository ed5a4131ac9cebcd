#include "../backup.hpp"

#include <fmt/format.h>

#include "../data_access.hpp"
#include "../exit_codes.hpp"
#include "../progress.hpp"
#include "../staged_directory.hpp"
#include "base/json.hpp"
#include "checks.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

struct BackupFlags {
  std::filesystem::path data = "data";
  std::filesystem::path backup;
  bool json = false;
  bool quiet = false;
};

int Print(const Result<BackupReport>& report, const std::filesystem::path& made,
          const BackupFlags& flags) {
  if (!report) return Report(report.error());
  if (!flags.json) {
    fmt::print("{}: {} files, {} bytes, every one of them checked\n", made.string(),
               report->files, report->bytes);
    return kOk;
  }
  std::string out = "{\"path\":";
  AppendJsonString(out, PlainPath(made).string());
  fmt::print("{},\"files\":{},\"bytes\":{}}}\n", out, report->files, report->bytes);
  return kOk;
}

Result<BackupReport> Watched(
    const char* what, const BackupFlags& flags,
    const std::function<Result<BackupReport>(CopyState& state)>& work) {
  CopyState state;
  const Progress progress(
      what, 0, [&state] { return state.done_bytes.load(); }, flags.quiet || flags.json);
  return work(state);
}

int Backup(const BackupFlags& flags) {
  const auto access = DataAccess::Open(flags.data);
  if (!access) return Report(access.error());
  const auto report = Watched("backup, bytes", flags, [&](CopyState& state) {
    return (*access)->BackUp(PlainPath(flags.backup), state);
  });
  return Print(report, flags.backup, flags);
}

int RestoreInto(const BackupFlags& flags) {
  const auto report = Watched("restore, bytes", flags, [&](CopyState& state) {
    return Restore(flags.backup, flags.data, state);
  });
  return Print(report, flags.data, flags);
}

}  // namespace

void AddBackupCommands(CLI::App& app, Action& action) {
  auto flags = std::make_shared<BackupFlags>();
  auto* backup = app.add_subcommand(
      "backup", "copy a data directory as of one moment, beside a running server too");
  backup->add_option("DIR", flags->backup, "new directory for the backup")
      ->required()
      ->check(PathText());
  backup->add_option("--data", flags->data, "data directory")->capture_default_str();
  auto* restore =
      app.add_subcommand("restore", "make a new data directory of a backup, checked");
  restore->add_option("BACKUP", flags->backup, "directory of the backup")
      ->required()
      ->check(PathText());
  restore->add_option("--data", flags->data, "new data directory")
      ->required()
      ->check(PathText());
  for (auto* command : {backup, restore}) {
    command->add_flag("--json", flags->json, "one JSON line");
    command->add_flag("--quiet", flags->quiet, "no progress");
  }
  backup->callback([flags, &action] { action = [flags] { return Backup(*flags); }; });
  restore->callback(
      [flags, &action] { action = [flags] { return RestoreInto(*flags); }; });
}

}  // namespace millrace::app
