#include <fmt/format.h>

#include <algorithm>

#include "../exit_codes.hpp"
#include "../instance.hpp"
#include "../project_loading.hpp"
#include "../signals.hpp"
#include "command.hpp"
#include "project/project.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kDrain{9'000};

struct ServeFlags {
  std::filesystem::path project = ".";
  std::filesystem::path data = "data";
  std::optional<std::uint16_t> port;
  std::vector<std::string> set;
};

/// Until /readyz answers 200; a signal that came before. What is not ready after a second
/// is named once: it may take a person to mend it, and the API works meanwhile.
std::optional<int> WaitUntilReady(Instance& instance, StopSignals& signals,
                                  telemetry::Logger& logger) {
  constexpr std::chrono::milliseconds kLookAgain{20};
  constexpr int kLooksBeforeNaming = 50;
  for (int looks = 0;; ++looks) {
    const auto parts = instance.Parts();
    if (std::ranges::all_of(parts, &gateway::Part::ready)) return std::nullopt;
    if (looks == kLooksBeforeNaming) {
      for (const auto& part : parts) {
        if (!part.ready) {
          logger.Warn("not ready", {{"part", part.name}, {"reason", part.reason}});
        }
      }
    }
    if (const auto signal = signals.Wait(kLookAgain)) return signal;
  }
}

int Serve(ServeFlags flags) {
  if (flags.port) flags.set.push_back("http.port=" + std::to_string(*flags.port));
  auto loaded = LoadProject(flags.project, flags.set);
  if (!loaded) return loaded.error();
  StopSignals signals;
  auto& logger = *loaded->logger;
  auto instance = Instance::Start(std::move(loaded->project), std::move(loaded->settings),
                                  flags.data, logger);
  if (!instance) return Report(instance.error());
  auto signal = WaitUntilReady(**instance, signals, logger);
  if (!signal) {
    fmt::print("ready {}\n", (*instance)->url());
    std::fflush(stdout);
    signal = signals.Wait();
  }
  logger.Info("stopping", {{"signal", *signal}});
  const bool clean = (*instance)->Stop(Deadline::After(kDrain));
  if (!clean)
    logger.Warn("stopped before everything was through; the next start goes on");
  return kOk;
}

}  // namespace

void AddServeCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ServeFlags>();
  auto* command = app.add_subcommand("serve", "run a project: API, capture, pipelines");
  command->add_option("--project", flags->project, "project directory")
      ->capture_default_str();
  command->add_option("--data", flags->data, "data directory, created when absent")
      ->capture_default_str();
  command->add_option("--port", flags->port, "TCP port; 0 picks a free one (http.port)");
  command->add_option("--set", flags->set,
                      "section.key=value, over file and environment");
  command->callback([flags, &action] { action = [flags] { return Serve(*flags); }; });
}

}  // namespace millrace::app
