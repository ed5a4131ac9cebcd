#include <fmt/format.h>
#include <simdjson.h>

#include <thread>

#include "../collection_json.hpp"
#include "../exit_codes.hpp"
#include "../json_view.hpp"
#include "../offline_pipelines.hpp"
#include "../progress.hpp"
#include "../project_loading.hpp"
#include "../replay_job.hpp"
#include "../server_socket.hpp"
#include "../signals.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kConnectWithin{2};
constexpr std::chrono::milliseconds kLookAgain{200};
constexpr std::string_view kPath = "/admin/replay";

std::string NameOf(const ReplayRequest& request) {
  return (request.snapshot ? "resnapshot of " : "replay of ") + request.pipeline;
}

struct ReplayFlags {
  std::filesystem::path project = ".", data = "data";
  ReplayRequest request;
  std::vector<std::string> set;
  bool json = false, quiet = false;
};

void PrintDifference(simdjson::dom::element difference) {
  const auto number = [&](const char* name) {
    std::uint64_t value = 0;
    static_cast<void>(difference[name].get(value));
    return value;
  };
  fmt::print("  {} rows the same, {} changed, {} only before, {} only after\n",
             number("same"), number("changed"), number("only_before"),
             number("only_after"));
  simdjson::dom::object columns;
  if (difference["columns"].get(columns) == simdjson::SUCCESS) {
    for (const auto& [name, count] : columns)
      fmt::print("  column {}: {} rows differ\n", name, simdjson::minify(count));
  }
  for (const char* which : {"columns_only_before", "columns_only_after"}) {
    simdjson::dom::array names;
    if (difference[which].get(names) != simdjson::SUCCESS) continue;
    for (const auto name : names)
      fmt::print("  column {} {}\n", simdjson::minify(name),
                 which == std::string_view("columns_only_before") ? "is gone" : "is new");
  }
  if (number("redriven_left_out") > 0) {
    fmt::print("  {} keys left out, of redriven dead letters\n",
               number("redriven_left_out"));
  }
  simdjson::dom::array left_out;
  if (difference["columns_left_out"].get(left_out) == simdjson::SUCCESS) {
    for (const auto name : left_out)
      fmt::print("  column {} left out: each run gives it other values\n",
                 simdjson::minify(name));
  }
  simdjson::dom::array examples;
  if (difference["examples"].get(examples) != simdjson::SUCCESS) return;
  for (const auto example : examples) fmt::print("  {}\n", simdjson::minify(example));
}

/// The report for people, or as it is; the exit code.
int PrintReport(const std::string& report, bool compared, bool gap, bool json) {
  if (json) fmt::print("{}\n", report);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array sinks;
  bool equal = true;
  if (parser.parse(report).get(root) != simdjson::SUCCESS ||
      root["sinks"].get(sinks) != simdjson::SUCCESS)
    return kFailed;
  for (const auto sink : sinks) {
    simdjson::dom::element difference;
    const bool has = sink["difference"].get(difference) == simdjson::SUCCESS;
    bool same = true;
    if (has && difference["equal"].get(same) == simdjson::SUCCESS) equal = equal && same;
    if (json) continue;
    const std::string line = simdjson::minify(sink);
    const std::string from = TextMember(line, "snapshot");
    fmt::print("{}: {}{} up to offset {}, {} dead letters wait\n",
               TextMember(line, "target"),
               compared ? (same ? "the same" : "differs")
               : gap    ? "goes on behind a gap"
                        : "built anew",
               from.empty() ? "" : " from the records of commit " + from + ",",
               TextMember(line, "upto"), TextMember(line, "dead_letters"));
    if (has) PrintDifference(difference);
  }
  return equal ? kOk : kFailed;
}

/// Asks the server that runs on the data directory, and shows how far it is.
class RemoteReplay {
 public:
  explicit RemoteReplay(ServerSocket server) : server_(std::move(server)) {}

  Result<std::string> Run(const ReplayFlags& flags, StopSignals& signals) {
    std::string target(kPath);
    std::error_code ignored;
    const auto project = std::filesystem::absolute(flags.project, ignored);
    AppendParameter(target, "project", project.string());
    AppendParameter(target, "pipeline", flags.request.pipeline);
    AppendParameter(target, "sink", flags.request.sink);
    AppendParameter(target, "lake_to", flags.request.lake_to);
    if (flags.request.snapshot) AppendParameter(target, "snapshot", "true");
    if (flags.request.lake_gap) AppendParameter(target, "lake_gap", "true");
    if (flags.request.compare) AppendParameter(target, "compare", "true");
    MR_TRY(auto status, server_.Ask(http::Method::kPost, target));
    const Progress progress(
        NameOf(flags.request), [this] { return ProgressPoint{done_, total_}; },
        flags.quiet || flags.json);
    while (TextMember(status, "state") == "running") {
      Show(status);
      if (signals.Wait(kLookAgain))
        MR_CHECK_OK(server_.Ask(http::Method::kDelete, kPath));
      MR_TRY(status, server_.Ask(http::Method::kGet, kPath));
    }
    if (TextMember(status, "state") == "done") {
      Show(status);
      return Report(status);
    }
    return Fail(static_cast<ErrorCode>(NumberMember(status, "code")),
                TextMember(status, "reason"));
  }

 private:
  void Show(const std::string& status) {
    done_ = NumberMember(status, "done");
    total_ = NumberMember(status, "total");
  }
  static std::string Report(const std::string& status) {
    simdjson::dom::parser parser;
    simdjson::dom::element root, report;
    if (parser.parse(status).get(root) != simdjson::SUCCESS ||
        root["report"].get(report) != simdjson::SUCCESS)
      return "{}";
    return simdjson::minify(report);
  }
  ServerSocket server_;
  std::atomic<std::uint64_t> done_{0}, total_{0};
};

Result<std::string> RunHere(const ReplayFlags& flags, const LoadedProject& loaded,
                            StopSignals& signals) {
  std::atomic<bool> ended{false};
  std::thread cancel;
  std::unique_ptr<Progress> progress;
  const auto watch = [&](PipelineReplay& replay) {
    progress = std::make_unique<Progress>(
        NameOf(flags.request),
        [&replay] {
          const auto now = replay.progress();
          return ProgressPoint{now.done, now.total};
        },
        flags.quiet || flags.json);
    cancel = std::thread([&] {
      while (!ended) {
        if (signals.Wait(kLookAgain)) replay.Cancel();
      }
    });
  };
  const auto unwatch = [&](PipelineReplay&) {
    ended = true;
    cancel.join();
    progress.reset();
  };
  MR_TRY(const auto replayed,
         ReplayPipeline(loaded.project, loaded.settings, flags.data, flags.request, watch,
                        unwatch, *loaded.logger));
  return ReportJson(flags.request, replayed);
}

int Replay(const ReplayFlags& flags) {
  StopSignals signals;
  auto server = ServerSocket::Connect(flags.data, Deadline::After(kConnectWithin));
  Result<std::string> report = std::string();
  if (server) {
    // The server reads it, too; here it is told apart from what the replay says.
    if (const auto project = project::Load(flags.project); !project) {
      Report(ErrorOf(project.error()));
      return kBadProject;
    }
    report = RemoteReplay(std::move(*server)).Run(flags, signals);
  } else {
    const auto loaded = LoadProject(flags.project, flags.set);
    if (!loaded) return loaded.error();
    report = RunHere(flags, *loaded, signals);
  }
  if (!report) {
    if (report.error().message() == "cancelled") {
      fmt::print(stderr, "millrace: cancelled; nothing was replaced\n");
      return kInterrupted;
    }
    return Report(report.error());
  }
  return PrintReport(*report, flags.request.compare, flags.request.lake_gap, flags.json);
}

}  // namespace

void AddReplayPipelineCommand(CLI::App& group, Action& action) {
  const auto add = [&](const char* name, const char* help) {
    auto flags = std::make_shared<ReplayFlags>();
    auto* command = group.add_subcommand(name, help);
    auto& request = flags->request;
    command->add_option("NAME", request.pipeline, "the pipeline")->required();
    command->add_option("--data", flags->data, "data directory")->capture_default_str();
    command->add_option("--project", flags->project, "project directory")
        ->capture_default_str();
    command->add_option("--sink", request.sink, "one sink, as `status` names it");
    auto* lake = command->add_option("--lake-to", request.lake_to,
                                     "its lake instead, into a new folder of the lake");
    lake->check([](const std::string& path) {
      return std::string(project::WrongWithLakePath(path));
    });
    command
        ->add_flag("--compare", request.compare,
                   "replace nothing: say how the tables would differ (exit 1 if they do)")
        ->excludes(lake);
    command->add_option("--set", flags->set, "section.key=value, where no server runs");
    command->add_flag("--json", flags->json, "the report as JSON");
    command->add_flag("--quiet", flags->quiet, "no progress on stderr");
    command->callback([flags, &action] { action = [flags] { return Replay(*flags); }; });
    return std::pair(command, flags);
  };
  add("replay",
      "build a pipeline's tables anew from the log (from the records where the log no "
      "longer reaches back), beside the old ones, and exchange them; also while a server "
      "runs");
  auto [resnapshot, flags] = add(
      "resnapshot",
      "as replay, but from the records as they are now: the way on for a pipeline that "
      "stopped as position_lost");
  flags->request.snapshot = true;
  resnapshot
      ->add_flag(
          "--lake-gap", flags->request.lake_gap,
          "its lakes that lost their position instead: they go on in place with the "
          "records as they are, and a file that names the gap")
      ->excludes("--lake-to")
      ->excludes("--compare");
}

}  // namespace millrace::app
