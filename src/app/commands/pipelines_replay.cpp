#include <fmt/format.h>
#include <simdjson.h>

#include <thread>

#include "../collection_json.hpp"
#include "../data_directory.hpp"
#include "../exit_codes.hpp"
#include "../json_view.hpp"
#include "../logger.hpp"
#include "../offline_pipelines.hpp"
#include "../progress.hpp"
#include "../replay_job.hpp"
#include "../signals.hpp"
#include "command.hpp"
#include "http/client.hpp"
#include "http/query.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kConnectWithin{2};
constexpr std::chrono::minutes kAnswerWithin{1};
constexpr std::chrono::milliseconds kLookAgain{200};
constexpr std::string_view kPath = "/admin/replay";

struct ReplayFlags {
  std::filesystem::path project = ".", data = "data";
  ReplayRequest request;
  std::vector<std::string> set;
  bool json = false, quiet = false;
};

std::uint64_t NumberIn(std::string_view json, std::string_view name) {
  const auto text = TextMember(json, name);
  return text.empty() ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

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
  simdjson::dom::array examples;
  if (difference["examples"].get(examples) != simdjson::SUCCESS) return;
  for (const auto example : examples) fmt::print("  {}\n", simdjson::minify(example));
}

/// The report for people, or as it is; the exit code.
int PrintReport(const std::string& report, bool compared, bool json) {
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
    fmt::print("{}: {} up to offset {}, {} dead letters\n", TextMember(line, "target"),
               compared ? (same ? "the same" : "differs") : "built anew",
               TextMember(line, "upto"), TextMember(line, "dead_letters"));
    if (has) PrintDifference(difference);
  }
  return equal ? kOk : kFailed;
}

ErrorCode CodeNamed(std::string_view name) {
  for (const auto code :
       {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kConflict,
        ErrorCode::kOutOfRange, ErrorCode::kUnavailable, ErrorCode::kResourceExhausted,
        ErrorCode::kDataLoss}) {
    if (ToString(code) == name) return code;
  }
  return ErrorCode::kInternal;
}

/// Asks the server that runs on the data directory, and shows how far it is.
class RemoteReplay {
 public:
  explicit RemoteReplay(http::Client client) : client_(std::move(client)) {}

  Result<std::string> Run(const ReplayFlags& flags, StopSignals& signals) {
    std::string target(kPath);
    std::error_code ignored;
    const auto project = std::filesystem::absolute(flags.project, ignored);
    Add(target, "project", project.string());
    Add(target, "pipeline", flags.request.pipeline);
    Add(target, "sink", flags.request.sink);
    Add(target, "lake_to", flags.request.lake_to);
    if (flags.request.compare) Add(target, "compare", "true");
    MR_TRY(auto status, Ask(http::Method::kPost, target));
    Progress progress(
        "replay of " + flags.request.pipeline, 0, [this] { return done_.load(); },
        flags.quiet || flags.json);
    while (TextMember(status, "state") == "running") {
      done_ = NumberIn(status, "done");
      if (signals.Wait(kLookAgain)) MR_CHECK_OK(Ask(http::Method::kDelete, kPath));
      MR_TRY(status, Ask(http::Method::kGet, kPath));
    }
    if (TextMember(status, "state") == "done") return Report(status);
    return Fail(CodeNamed(TextMember(status, "code")), TextMember(status, "reason"));
  }

 private:
  static void Add(std::string& target, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    target += target.find('?') == std::string::npos ? '?' : '&';
    target += name;
    target += '=';
    http::AppendPercentEncoded(target, value);
  }
  static std::string Report(const std::string& status) {
    simdjson::dom::parser parser;
    simdjson::dom::element root, report;
    if (parser.parse(status).get(root) != simdjson::SUCCESS ||
        root["report"].get(report) != simdjson::SUCCESS)
      return "{}";
    return simdjson::minify(report);
  }
  Result<std::string> Ask(http::Method method, std::string_view target) {
    MR_TRY(auto answer,
           client_.Send(method, target, "", {}, Deadline::After(kAnswerWithin)));
    if (answer.status == 200) return std::move(answer.body);
    auto code = ErrorCode::kUnavailable;
    if (answer.status == 400) code = ErrorCode::kInvalidArgument;
    if (answer.status == 409) code = ErrorCode::kConflict;
    return Fail(code, TextMember(answer.body, "detail"));
  }

  http::Client client_;
  std::atomic<std::uint64_t> done_{0};
};

Result<std::string> RunHere(const ReplayFlags& flags, const project::Project& project,
                            const Settings& settings, StopSignals& signals,
                            telemetry::Logger& logger) {
  std::atomic<bool> ended{false};
  std::thread cancel;
  std::unique_ptr<Progress> progress;
  const auto watch = [&](PipelineReplay& replay) {
    progress = std::make_unique<Progress>(
        "replay of " + flags.request.pipeline, 0,
        [&replay] { return replay.progress().done; }, flags.quiet || flags.json);
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
  MR_TRY(const auto replayed, ReplayPipeline(project, settings, flags.data, flags.request,
                                             watch, unwatch, logger));
  return ReportJson(flags.request, replayed);
}

int Replay(const ReplayFlags& flags) {
  StopSignals signals;
  auto client = http::Client::Connect({.unix_socket = DataPaths{flags.data}.socket()},
                                      Deadline::After(kConnectWithin));
  Result<std::string> report = std::string();
  if (client) {
    report = RemoteReplay(std::move(*client)).Run(flags, signals);
  } else {
    auto project = project::Load(flags.project);
    if (!project) {
      for (const auto& problem : project.error())
        fmt::print(stderr, "{}\n", Format(problem));
      return kBadProject;
    }
    auto settings = LoadSettings(project->settings, flags.project, flags.set);
    if (!settings) {
      for (const auto& line : settings.error())
        fmt::print(stderr, "millrace: {}\n", line);
      return kBadProject;
    }
    const auto logger = MakeLogger(settings->logging);
    report = RunHere(flags, *project, *settings, signals, *logger);
  }
  if (!report) {
    if (report.error().message() == "cancelled") {
      fmt::print(stderr, "millrace: cancelled; nothing was replaced\n");
      return kInterrupted;
    }
    return Report(report.error());
  }
  return PrintReport(*report, flags.request.compare, flags.json);
}

}  // namespace

void AddReplayPipelineCommand(CLI::App& group, Action& action) {
  auto flags = std::make_shared<ReplayFlags>();
  auto* replay = group.add_subcommand(
      "replay",
      "build a pipeline's tables anew from the log, beside the old ones, and "
      "exchange them; also while a server runs");
  auto& request = flags->request;
  replay->add_option("NAME", request.pipeline, "the pipeline")->required();
  replay->add_option("--data", flags->data, "data directory")->capture_default_str();
  replay->add_option("--project", flags->project, "project directory")
      ->capture_default_str();
  replay->add_option("--sink", request.sink, "one sink, as `status` names it");
  auto* lake = replay->add_option("--lake-to", request.lake_to,
                                  "its lake instead, into a new folder of the lake");
  replay
      ->add_flag("--compare", request.compare,
                 "replace nothing: say how the tables would differ (exit 1 if they do)")
      ->excludes(lake);
  replay->add_option("--set", flags->set, "section.key=value, where no server runs");
  replay->add_flag("--json", flags->json, "the report as JSON");
  replay->add_flag("--quiet", flags->quiet, "no progress on stderr");
  replay->callback([flags, &action] { action = [flags] { return Replay(*flags); }; });
}

}  // namespace millrace::app
