#include <fmt/format.h>

#include <algorithm>

#include "../exit_codes.hpp"
#include "../gateway_role.hpp"
#include "../identity_role.hpp"
#include "../instance.hpp"
#include "../project_loading.hpp"
#include "../signals.hpp"
#include "command.hpp"
#include "project/project.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kDrain{9'000};

const std::vector<std::string> kAllRoles = {"gateway", "identity"};

struct ServeFlags {
  std::filesystem::path project = ".";
  std::filesystem::path data = "data";
  std::optional<std::uint16_t> port;
  std::vector<std::string> set;
  std::vector<std::string> roles = kAllRoles;
};

void PrintReady(std::string_view url) {
  fmt::print("ready {}\n", url);
  std::fflush(stdout);
}

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

/// A project with `auth`: its gateway, its identity service, or both.
class Roles {
 public:
  Roles(const ServeFlags& flags, telemetry::Logger& logger)
      : flags_(flags), logger_(logger) {}

  /// Whether `--roles` and the settings go together.
  Status Check(const Settings& settings) {
    for (const auto& role : flags_.roles) {
      if (role == "gateway") with_gateway_ = true;
      if (role == "identity") with_identity_ = true;
    }
    const bool both = with_gateway_ && with_identity_;
    if (both || !settings.identity.jwt_secret.value.empty()) return {};
    return Fail(ErrorCode::kInvalidArgument,
                "JWT_SECRET is not set: gateway and identity service need the same one, "
                "in the environment or in .env of the project");
  }

  /// Says where it listens, the identity service first. A signal that came before.
  Result<std::optional<int>> Start(LoadedProject loaded, StopSignals& signals) {
    Settings settings = loaded.settings;
    if (with_identity_) {
      MR_TRY(identity_, IdentityRole::Start(std::move(loaded.project), settings,
                                            flags_.data, logger_));
      if (auto signal = WaitUntilReady(identity_->instance(), signals, logger_))
        return signal;
      const auto& address = settings.identity.address;
      const bool any = address == "0.0.0.0" || address == "::";
      settings.identity.host = any ? "127.0.0.1" : address;
      PrintReady(fmt::format("tcp://{}:{}", settings.identity.host, identity_->port()));
      settings.identity.port = identity_->port();
      settings.identity.jwt_secret.value = identity_->token_secret();
    }
    if (with_gateway_) {
      MR_TRY(gateway_, GatewayRole::Start(settings, logger_));
      PrintReady(gateway_->url());
    }
    return std::nullopt;
  }

  bool Stop(Deadline deadline) {
    const bool clean = !gateway_ || gateway_->Stop(deadline);
    return (!identity_ || identity_->Stop(deadline)) && clean;
  }

 private:
  const ServeFlags& flags_;
  telemetry::Logger& logger_;
  bool with_gateway_ = false;
  bool with_identity_ = false;
  std::unique_ptr<IdentityRole> identity_;
  std::unique_ptr<GatewayRole> gateway_;
};

int ServeRoles(const ServeFlags& flags, LoadedProject loaded) {
  StopSignals signals;
  const auto logger = std::move(loaded.logger);
  Roles roles(flags, *logger);
  if (const auto fine = roles.Check(loaded.settings); !fine) {
    Report(fine.error());
    return kBadProject;
  }
  auto started = roles.Start(std::move(loaded), signals);
  if (!started) return Report(started.error());
  const int signal = *started ? **started : *signals.Wait();
  logger->Info("stopping", {{"signal", signal}});
  if (!roles.Stop(Deadline::After(kDrain)))
    logger->Warn("stopped before everything was through; the next start goes on");
  return kOk;
}

int Serve(ServeFlags flags) {
  if (flags.port) flags.set.push_back("http.port=" + std::to_string(*flags.port));
  auto loaded = LoadProject(flags.project, flags.set);
  if (!loaded) return loaded.error();
  for (const auto& [variable, instead] : loaded->unused_variables)
    loaded->logger->Info("variable not used", {{"variable", variable}, {"why", instead}});
  if (loaded->project.auth_style == project::AuthStyle::kR0)
    return ServeRoles(flags, std::move(*loaded));
  if (flags.roles != kAllRoles) {
    fmt::print(stderr,
               "millrace: --roles is for projects with `auth` in millrace.yaml\n");
    return kUsage;
  }
  StopSignals signals;
  auto& logger = *loaded->logger;
  auto instance = Instance::Start(std::move(loaded->project), std::move(loaded->settings),
                                  flags.data, logger);
  if (!instance) return Report(instance.error());
  auto signal = WaitUntilReady(**instance, signals, logger);
  if (!signal) {
    PrintReady((*instance)->url());
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
  command
      ->add_option("--roles", flags->roles,
                   "of a project with `auth`: gateway, identity, or both")
      ->delimiter(',')
      ->check(CLI::IsMember(kAllRoles))
      ->capture_default_str();
  command->callback([flags, &action] { action = [flags] { return Serve(*flags); }; });
}

}  // namespace millrace::app
