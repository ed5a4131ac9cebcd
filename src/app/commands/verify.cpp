#include "../verify.hpp"

#include <fmt/format.h>

#include "../exit_codes.hpp"
#include "base/bytes.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

constexpr TimestampUs kUsPerMs = 1'000;

struct VerifyFlags {
  std::filesystem::path data = "data", project;
  std::string slice;
  bool json = false;
};

Result<Verdict> Run(const VerifyFlags& flags) {
  VerifyOptions options;
  options.project = flags.project;
  if (!flags.slice.empty()) {
    MR_TRY(const auto ms, ParseDurationMs(flags.slice));
    if (ms < records::kSumSliceUs / kUsPerMs) {
      return Fail(ErrorCode::kInvalidArgument, "--slice: at least 1m");
    }
    options.slice = ms * kUsPerMs;
  }
  return Verify(flags.data, options);
}

}  // namespace

void AddVerifyCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<VerifyFlags>();
  auto* command = app.add_subcommand(
      "verify",
      "add up what every store holds, by time, and compare: records, log, lake, "
      "tables");
  command->add_option("--data", flags->data, "data directory")->capture_default_str();
  command->add_option("--project", flags->project,
                      "project directory, whose pipelines run again where they leave "
                      "rows out or compute them (the last one served on the data)");
  command->add_option("--slice", flags->slice,
                      "width of a slice of time, such as 15m or 24h (by the data)");
  command->add_flag("--json", flags->json, "one JSON line");
  command->callback([flags, &action] {
    action = [flags]() -> int {
      const auto verdict = Run(*flags);
      if (!verdict) return Report(verdict.error());
      fmt::print("{}{}", flags->json ? verdict->ToJson() : verdict->ToText(),
                 flags->json ? "\n" : "");
      return verdict->Disagrees() ? kFailed : verdict->Behind() ? kBehind : kOk;
    };
  });
}

}  // namespace millrace::app
