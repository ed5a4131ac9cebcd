#include "demo.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "base/file.hpp"
#include "child_process.hpp"
#include "commands/command.hpp"
#include "demo_report.hpp"
#include "exit_codes.hpp"
#include "instance.hpp"
#include "json_view.hpp"
#include "logger.hpp"
#include "project/init.hpp"
#include "project/project.hpp"
#include "project_loading.hpp"
#include "signals.hpp"

namespace millrace::app {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::string_view kQuestions[] = {"delay_by_carrier_and_month", "worst_hour",
                                           "seats_by_destination"};
constexpr std::chrono::milliseconds kRedraw{500};
constexpr std::chrono::seconds kPlainLine{5};
constexpr std::chrono::minutes kDrainWithin{5};
constexpr std::chrono::milliseconds kStopWithin{9'000};
constexpr std::chrono::milliseconds kRollEvery{3'000};

std::uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// The demo's run: one instance, its clients as processes of their own.
class Demo {
 public:
  explicit Demo(const DemoOptions& options) : options_(options) {}

  int Run() {
    if (const auto started = Start(); !started) return app::Report(started.error());
    std::optional<Result<DemoReport>> report;
    std::thread work([&] {
      report.emplace(Work());
      done_ = true;
    });
    const bool interrupted = Watch();
    if (interrupted) StopChildren();
    work.join();
    if (interrupted) return Leave(kInterrupted);
    if (!report->has_value()) return Leave(Report(report->error()));
    Print(**report);
    const int code = (*report)->Agrees() ? kOk : kFailed;
    if (options_.exit) return Leave(code);
    GoOn();
    signals_.Wait();
    return Leave(code);
  }

 private:
  static int Report(const Error& error) {
    fmt::print(stderr, "millrace: {}\n", error.message());
    return kFailed;
  }

  Status Start() {
    MR_TRY(example_, project::ExampleDirectory("flights"));
    data_ = options_.data;
    if (data_.empty()) {
      data_ = options_.all ? "millrace-demo/all"
                           : fmt::format("millrace-demo/month-{}", options_.month);
    }
    auto started = StartInstance(options_.port);
    // The usual port may be in use: for a demo any other will do.
    if (!started && !options_.port && started.error().code() == ErrorCode::kConflict &&
        started.error().message().find("listen") != std::string::npos) {
      started = StartInstance(std::uint16_t{0});
    }
    if (!started) return started;
    began_ = Steady::now();
    fmt::print(out(), "flights of New York 2013, {}; data in {}\nserving {}\n",
               options_.all ? "the whole year" : fmt::format("month {}", options_.month),
               data_.string(), instance_->url());
    std::fflush(out());
    return {};
  }

  Status StartInstance(std::optional<std::uint16_t> port) {
    auto project = project::Load(example_);
    if (!project) return Fail(ErrorOf(project.error()));
    // A demo is watched: rolls become visible every few seconds.
    for (auto& pipeline : project->pipelines) {
      for (auto& sink : pipeline.sinks) {
        if (auto* lake = std::get_if<project::LakeSink>(&sink.target)) {
          lake->roll_every_ms = std::min(lake->roll_every_ms, kRollEvery.count());
        }
      }
    }
    auto set = options_.set;
    if (port) set.push_back("http.port=" + std::to_string(*port));
    auto settings = LoadSettings(project->settings, example_, set);
    if (!settings) return Fail(ErrorCode::kInvalidArgument, settings.error().front());
    if (settings->logging.level == "info") settings->logging.level = "warn";
    logger_ = MakeLogger(settings->logging);
    MR_TRY(instance_,
           Instance::Start(std::move(*project), std::move(*settings), data_, *logger_));
    return {};
  }

  /// Everything but showing it. Runs beside Watch.
  Result<DemoReport> Work() {
    std::map<std::string, ClientSum> sums;
    MR_CHECK_OK(Replay("reference.sql", sums));
    MR_CHECK_OK(Replay("flights.sql", sums));
    MR_CHECK_OK(WaitUntilThrough());
    DemoReport report;
    report.seconds = std::chrono::duration<double>(Steady::now() - began_).count();
    report.rss_bytes = ResidentBytes();
    MR_TRY(const auto verdict, RunSelf({"verify", "--data", data_.string(), "--json"}));
    MR_CHECK_OK(AddVerdict(report, verdict.output));
    MR_CHECK_OK(CompareAcknowledged(report, sums, verdict.output));
    if (!report.Agrees()) {
      if (const auto text = RunSelf({"verify", "--data", data_.string()})) {
        report.verify_text = text->output;
      }
    }
    for (const auto question : kQuestions) {
      MR_TRY(auto both, Ask(std::string(question)));
      report.questions.push_back(std::move(both));
    }
    MR_CHECK_OK(AddLag(report));
    return report;
  }

  Status Replay(const std::string& file, std::map<std::string, ClientSum>& sums) {
    std::vector<std::string> arguments = {
        "replay",        (example_ / "replay" / file).string(),
        "--url",         instance_->url(),
        "--connections", std::to_string(options_.connections),
        "--json",        "--quiet"};
    if (file == "flights.sql") {
      if (!options_.all) {
        arguments.insert(arguments.end(),
                         {"--set", "month=" + std::to_string(options_.month)});
      }
      if (options_.rate > 0) {
        arguments.insert(arguments.end(), {"--rate", std::to_string(options_.rate)});
      }
    }
    MR_TRY(const auto child, RunSelf(arguments));
    if (child.exit_code != kOk && child.output.empty()) {
      return Fail(ErrorCode::kInternal, "replay of " + file + " failed");
    }
    MR_TRY(auto more, ReadReplaySummary(child.output));
    if (child.exit_code != kOk) {
      return Fail(ErrorCode::kConflict, "operations of " + file + " were refused; does " +
                                            data_.string() + " hold another demo? " +
                                            child.output);
    }
    sums.merge(more);
    return {};
  }

  Status WaitUntilThrough() {
    const auto deadline = Deadline::After(kDrainWithin);
    for (;;) {
      MR_TRY(const auto pipelines, instance_->Pipelines());
      bool through = true;
      for (const auto& pipeline : pipelines) {
        for (const auto& sink : pipeline.sinks) {
          if (sink.state == "stopped") {
            return Fail(ErrorCode::kInternal,
                        pipeline.name + "/" + sink.name + " stopped: " + sink.reason);
          }
          through = through && sink.position >= pipeline.committed;
        }
      }
      if (through) return {};
      if (deadline.expired()) {
        return Fail(
            ErrorCode::kDeadlineExceeded,
            "the sinks did not take everything within five minutes; see `millrace "
            "status --data " +
                data_.string() + "`");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  Result<Question> Ask(const std::string& name) {
    Question question{name, {}, {}};
    const auto file = example_ / "questions" / (name + ".sql");
    MR_TRY(const auto warehouse, RunSelf({"sql", "--data", data_.string(), "--file",
                                          file.string(), "--format", "json"}));
    std::vector<std::string> arguments = {
        "sql", "--file", (example_ / "questions" / "from_csv" / (name + ".sql")).string(),
        "--format", "json"};
    if (!options_.all) {
      arguments.insert(arguments.end(),
                       {"--set", "month=" + std::to_string(options_.month)});
    }
    MR_TRY(const auto csv, RunSelf(arguments));
    if (warehouse.exit_code == kOk) question.warehouse = OneLine(warehouse.output);
    if (csv.exit_code == kOk) question.csv = OneLine(csv.output);
    return question;
  }

  Status AddLag(DemoReport& report) {
    MR_TRY(const auto pipelines, instance_->Pipelines());
    for (const auto& pipeline : pipelines) {
      if (pipeline.name != "flights") continue;
      report.lag_p50_ms = pipeline.lag_p50_ms;
      report.lag_p99_ms = pipeline.lag_p99_ms;
    }
    return {};
  }

  // ---- what people see ----

  FILE* out() const { return options_.json ? stderr : stdout; }

  /// True when a signal came.
  bool Watch() {
    const bool terminal = isatty(fileno(out())) == 1;
    auto last_line = Steady::now();
    std::size_t lines = 0;
    while (!done_) {
      if (signals_.Wait(kRedraw)) return true;
      if (!terminal && Steady::now() - last_line < kPlainLine) continue;
      last_line = Steady::now();
      lines = Draw(terminal, lines);
    }
    if (terminal) Draw(terminal, lines);
    return false;
  }

  /// Redraws over the last drawing; the number of lines drawn.
  std::size_t Draw(bool terminal, std::size_t lines_before) {
    const auto stages = instance_->Stages();
    if (!stages) return lines_before;
    const double seconds = std::chrono::duration<double>(Steady::now() - began_).count();
    StageCounts total;
    std::string table;
    for (const auto& stage : *stages) {
      total.changes += stage.changes;
      total.logged += stage.logged;
      total.lake += stage.lake;
      total.table += stage.table;
      total.dead_letters += stage.dead_letters;
      table += fmt::format("\033[K{:<12} {:>10} {:>10} {:>10} {:>10} {:>8}\n",
                           stage.collection, stage.changes, stage.logged, stage.lake,
                           stage.table, stage.dead_letters);
    }
    double p50 = 0, p99 = 0;
    if (const auto pipelines = instance_->Pipelines()) {
      for (const auto& pipeline : *pipelines) {
        if (pipeline.name != "flights") continue;
        p50 = std::max(0.0, pipeline.lag_p50_ms);
        p99 = std::max(0.0, pipeline.lag_p99_ms);
      }
    }
    const auto rate = RateOf(total.changes);
    if (!terminal) {
      fmt::print(
          out(),
          "{:6.1f} s: accepted {}, logged {}, lake {}, warehouse {}, dead {}, {:.0f}/s, "
          "lag p50 {:.0f} ms p99 {:.0f} ms, RSS {} MiB\n",
          seconds, total.changes, total.logged, total.lake, total.table,
          total.dead_letters, rate, p50, p99, ResidentBytes() >> 20u);
      std::fflush(out());
      return 0;
    }
    std::string text = lines_before > 0 ? fmt::format("\033[{}A", lines_before) : "";
    text += fmt::format("\033[K{:<12} {:>10} {:>10} {:>10} {:>10} {:>8}\n", "",
                        "accepted", "logged", "in lake", "in table", "dead");
    text += table;
    text += fmt::format(
        "\033[K{:.1f} s, {:.0f} changes/s, lag p50 {:.0f} ms p99 {:.0f} ms, RSS {} MiB\n",
        seconds, rate, p50, p99, ResidentBytes() >> 20u);
    fmt::print(out(), "{}", text);
    std::fflush(out());
    return stages->size() + 2;
  }

  double RateOf(std::uint64_t changes) {
    const auto now = Steady::now();
    const double passed = std::chrono::duration<double>(now - rate_at_).count();
    const double rate = passed > 0 && rate_at_ != Steady::time_point()
                            ? static_cast<double>(changes - rate_changes_) / passed
                            : 0;
    rate_at_ = now;
    rate_changes_ = changes;
    return rate;
  }

  void Print(const DemoReport& report) {
    fmt::print(out(), "{}", report.ToText());
    if (options_.json) fmt::print("{}\n", report.ToJson());
    std::fflush(nullptr);
  }

  void GoOn() {
    fmt::print(
        out(),
        "\nGo on with (the server runs until Ctrl-C):\n"
        "  curl -s '{0}/api/collections/flights/records?dest=eq.SFO&limit=2'\n"
        "  curl -s '{0}/api/tables/flights/rows?order=dep_delay.desc&limit=3'\n"
        "  millrace sql --data {1} \"SELECT origin, count(*) FROM flights GROUP BY 1\"\n"
        "  millrace status --data {1}\n"
        "  millrace verify --data {1}\n"
        "  ls {1}/lake/flights_history/\n",
        instance_->url(), data_.string());
    std::fflush(out());
  }

  int Leave(int code) {
    instance_->Stop(Deadline::After(kStopWithin));
    return code;
  }

  const DemoOptions& options_;
  StopSignals signals_;  ///< before any thread
  std::filesystem::path example_;
  std::filesystem::path data_;
  std::unique_ptr<telemetry::Logger> logger_;
  std::unique_ptr<Instance> instance_;
  Steady::time_point began_;
  Steady::time_point rate_at_;
  std::uint64_t rate_changes_ = 0;
  std::atomic<bool> done_ = false;
};

}  // namespace

int RunDemo(const DemoOptions& options) { return Demo(options).Run(); }

}  // namespace millrace::app
