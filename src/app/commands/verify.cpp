#include "../verify.hpp"

#include <fmt/format.h>

#include "../exit_codes.hpp"
#include "command.hpp"

namespace millrace::app {

void AddVerifyCommand(CLI::App& app, Action& action) {
  struct Flags {
    std::filesystem::path data = "data";
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand(
      "verify", "add up what every store holds and compare: records, log, lake, tables");
  command->add_option("--data", flags->data, "data directory")->capture_default_str();
  command->add_flag("--json", flags->json, "one JSON line");
  command->callback([flags, &action] {
    action = [flags]() -> int {
      const auto verdict = Verify(flags->data);
      if (!verdict) return Report(verdict.error());
      fmt::print("{}{}", flags->json ? verdict->ToJson() : verdict->ToText(),
                 flags->json ? "\n" : "");
      return verdict->Agrees() ? kOk : kFailed;
    };
  });
}

}  // namespace millrace::app
