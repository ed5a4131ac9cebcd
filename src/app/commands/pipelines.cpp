#include <fmt/format.h>

#include "../data_access.hpp"
#include "../exit_codes.hpp"
#include "../json_view.hpp"
#include "../offline_pipelines.hpp"
#include "../project_loading.hpp"
#include "base/json.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

struct PipelineFlags {
  std::filesystem::path project = ".";
  std::filesystem::path data = "data";
  std::string name;
  std::optional<std::uint64_t> max_records;
  bool until_end = false;
  bool json = false;
  std::vector<std::string> set;
};

int List(const PipelineFlags& flags) {
  const auto access = DataAccess::Open(flags.data);
  if (!access) return Report(access.error());
  const auto json = (*access)->StatusJson();
  if (!json) return Report(json.error());
  fmt::print("{}{}", flags.json ? *json : StatusTable(*json), flags.json ? "\n" : "");
  return kOk;
}

std::string StatusJsonOf(const pipeline::PipelineStatus& status) {
  std::string out = "{\"pipeline\":";
  AppendJsonString(out, status.name);
  out += ",\"state\":";
  AppendJsonString(out, status.state);
  out +=
      fmt::format(",\"position\":{},\"end\":{},\"lag_events\":{},\"dead_letters\":{}}}",
                  status.position, status.end, status.lag_events, status.dead_letters);
  return out;
}

int Run(const PipelineFlags& flags) {
  const auto loaded = LoadProject(flags.project, flags.set);
  if (!loaded) return loaded.error();
  const auto bound = flags.max_records == 0 ? std::nullopt : flags.max_records;
  const auto status = RunPipeline(loaded->project, loaded->settings, flags.data,
                                  flags.name, bound, *loaded->logger);
  if (!status) return Report(status.error());
  if (flags.json) {
    fmt::print("{}\n", StatusJsonOf(*status));
  } else {
    fmt::print("{}: at {} of {}, {} dead letters\n", status->name, status->position,
               status->end, status->dead_letters);
  }
  for (const auto& sink : status->sinks) {
    if (sink.state == "stopped") {
      fmt::print(stderr, "millrace: {}: {}\n", sink.name, sink.reason);
      return kFailed;
    }
  }
  return kOk;
}

int Rebuild(const PipelineFlags& flags) {
  const auto loaded = LoadProject(flags.project, flags.set);
  if (!loaded) return loaded.error();
  const auto done = RebuildPipeline(loaded->project, loaded->settings, flags.data,
                                    flags.name, *loaded->logger);
  if (!done) return Report(done.error());
  for (const auto& line : *done) fmt::print("{}\n", line);
  fmt::print("the next `millrace serve` builds {} anew from the log\n", flags.name);
  return kOk;
}

}  // namespace

void AddPipelineCommands(CLI::App& app, Action& action) {
  auto flags = std::make_shared<PipelineFlags>();
  auto* group = app.add_subcommand("pipelines", "list, run and rebuild pipelines");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       int (*work)(const PipelineFlags&)) {
    auto* command = group->add_subcommand(name, help);
    command->add_option("--data", flags->data, "data directory")->capture_default_str();
    command->callback(
        [flags, work, &action] { action = [flags, work] { return work(*flags); }; });
    return command;
  };
  auto* list = add("list", "where each pipeline stands", List);
  auto* run = add("run", "run one pipeline without a server, then end", Run);
  auto* rebuild = add("rebuild", "let a pipeline's tables and lakes begin anew", Rebuild);
  for (auto* command : {run, rebuild}) {
    command->add_option("NAME", flags->name, "the pipeline")->required();
    command->add_option("--project", flags->project, "project directory")
        ->capture_default_str();
    command->add_option("--set", flags->set,
                        "section.key=value, over file and environment");
  }
  auto* end = run->add_flag("--until-end", flags->until_end,
                            "up to the log's end of now, as without a bound");
  run->add_option("--max-records", flags->max_records,
                  "end when each sink has used so many (dead letters do not count), or "
                  "at the log's "
                  "end; 0: at its end")
      ->excludes(end);
  AddReplayPipelineCommand(*group, action);
  for (auto* command : {list, run}) command->add_flag("--json", flags->json, "as JSON");
}

}  // namespace millrace::app
