#include "project/project.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>

#include "../exit_codes.hpp"
#include "../offline_pipelines.hpp"
#include "../project_loading.hpp"
#include "../schema_report.hpp"
#include "../settings.hpp"
#include "base/json.hpp"
#include "command.hpp"
#include "pipeline/compile.hpp"
#include "project/access.hpp"
#include "project/init.hpp"

namespace millrace::app {
namespace {

struct ProjectFlags {
  std::filesystem::path project = ".";
  std::filesystem::path directory;
  std::string example{project::kDefaultExample};
  std::optional<std::filesystem::path> against;
  std::vector<std::string> set;
  bool json = false;
};

int Init(const ProjectFlags& flags) {
  const auto files = project::Init(flags.directory, flags.example);
  if (!files) return Report(files.error());
  for (const auto& file : *files) fmt::print("{}\n", (flags.directory / file).string());
  fmt::print(stderr,
             "\nNext:\n  millrace check --project {0}\n  millrace serve --project {0} "
             "--data {0}-data\n",
             flags.directory.string());
  return kOk;
}

std::string ProblemJson(const project::Problem& problem) {
  std::string out = "{\"file\":";
  AppendJsonString(out, problem.file);
  out += fmt::format(",\"line\":{},\"column\":{},\"message\":", problem.line,
                     problem.column);
  AppendJsonString(out, problem.message);
  return out + "}";
}

int PrintProblems(const std::vector<project::Problem>& problems, bool json) {
  if (json) {
    std::string out = "[";
    for (const auto& problem : problems) {
      if (out.size() > 1) out += ',';
      out += ProblemJson(problem);
    }
    fmt::print("{}]\n", out);
  } else {
    for (const auto& problem : problems) fmt::print("{}\n", Format(problem));
  }
  return problems.empty() ? kOk : kBadProject;
}

/// Every problem of the pipelines' SQL.
std::vector<project::Problem> CheckSql(const project::Project& project) {
  std::vector<project::Problem> problems;
  auto engine = sql::Engine::Open({});
  if (!engine) return {{"", 0, 0, engine.error().message()}};
  for (const auto& pipeline : project.pipelines) {
    auto compiled =
        pipeline::CompilePipeline(pipeline, project::Readable(project), **engine);
    if (compiled) continue;
    for (auto& problem : compiled.error()) problems.push_back(std::move(problem));
  }
  return problems;
}

/// "1 pipeline", "2 pipelines".
std::string Count(std::size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

/// What the next start would change in the data directory, and whether it could.
int CheckAgainst(const project::Project& project, const ProjectFlags& flags) {
  const auto engine = sql::Engine::Open({});
  if (!engine) return Report(engine.error());
  const auto compiled = CompileAll(project, **engine);
  if (!compiled) return Report(compiled.error());
  const auto report = ReportSchema(project, *compiled, *flags.against);
  if (!report) return Report(report.error());
  fmt::print("{}{}", flags.json ? report->ToJson() : report->ToText(),
             flags.json ? "\n" : "");
  return report->Refused() ? kFailed : kOk;
}

std::vector<project::Problem> SettingsProblems(const std::vector<std::string>& lines) {
  std::vector<project::Problem> problems;
  for (const auto& line : lines) problems.push_back({"settings", 0, 0, line});
  return problems;
}

/// What `serve` would refuse of the settings.
std::vector<project::Problem> CheckSettings(const project::Project& project,
                                            const ProjectFlags& flags) {
  const auto loaded = LoadSettingsOf(project, flags.project, flags.set);
  if (!loaded) return SettingsProblems(loaded.error());
  const auto access = project::CheckAccess(project, loaded->settings.http.address);
  return access ? std::vector<project::Problem>()
                : SettingsProblems({access.error().message()});
}

/// Of a project that has other problems.
std::vector<project::Problem> CheckSettingsAlone(const ProjectFlags& flags) {
  const auto settings =
      LoadSettings(project::LoadSettingsOnly(flags.project), flags.project, flags.set);
  return settings ? std::vector<project::Problem>() : SettingsProblems(settings.error());
}

int Check(const ProjectFlags& flags) {
  const auto project = project::Load(flags.project);
  auto problems = project ? CheckSql(*project) : project.error();
  std::ranges::move(project ? CheckSettings(*project, flags) : CheckSettingsAlone(flags),
                    std::back_inserter(problems));
  if (problems.empty() && flags.against) return CheckAgainst(*project, flags);
  if (problems.empty() && !flags.json) {
    std::string streams;
    if (!project->streams.empty())
      streams = Count(project->streams.size(), "stream") + ", ";
    fmt::print("{}: {}, {}{}, no problem found\n", project->name,
               Count(project->collections.size(), "collection"), streams,
               Count(project->pipelines.size(), "pipeline"));
    return kOk;
  }
  return PrintProblems(problems, flags.json);
}

int Config(const ProjectFlags& flags) {
  project::Project project;  // where there is none: defaults and environment
  std::error_code ignored;
  if (std::filesystem::exists(flags.project / "millrace.yaml", ignored)) {
    auto read = project::Load(flags.project);
    if (!read) return PrintProblems(read.error(), flags.json);
    project = std::move(*read);
  }
  const auto loaded = LoadSettingsOf(project, flags.project, flags.set);
  if (!loaded && flags.json) return PrintProblems(SettingsProblems(loaded.error()), true);
  if (!loaded) {
    for (const auto& line : loaded.error()) fmt::print(stderr, "millrace: {}\n", line);
    return kBadProject;
  }
  const auto& effective = loaded->settings.effective;
  fmt::print("{}{}", flags.json ? PrintJson(effective) : PrintText(effective),
             flags.json ? "\n" : "");
  return kOk;
}

}  // namespace

void AddProjectCommands(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ProjectFlags>();
  const auto bind = [&action, flags](CLI::App* command,
                                     int (*work)(const ProjectFlags&)) {
    command->callback(
        [flags, work, &action] { action = [flags, work] { return work(*flags); }; });
  };
  std::string examples;
  for (const auto& name : project::ExampleNames()) {
    examples += (examples.empty() ? "" : ", ") + name;
  }
  auto* init = app.add_subcommand("init", "write a new project directory");
  init->add_option("DIR", flags->directory, "where; must be empty or absent")->required();
  init->add_option("--example", flags->example, "one of: " + examples)
      ->check([](const std::string& name) {
        const auto there = project::CheckExample(name);
        return there ? std::string() : std::string(there.error().message());
      })
      ->capture_default_str();
  bind(init, Init);

  auto* check =
      app.add_subcommand("check", "check a project directory, all problems at once");
  auto* config = app.add_subcommand(
      "config", "print the settings in effect and where each comes from");
  for (auto* command : {check, config}) {
    command->add_option("--project", flags->project, "project directory")
        ->capture_default_str();
    command->add_option("--set", flags->set,
                        "section.key=value, over file and environment");
    command->add_flag("--json", flags->json, "as JSON");
  }
  check->add_option("DIR", flags->project, "the same as --project");
  check->add_option("--against", flags->against,
                    "data directory: what the next start changes there, or refuses");
  bind(check, Check);
  bind(config, Config);
}

}  // namespace millrace::app
