#include "../verify.hpp"

#include <fmt/format.h>

#include "../exit_codes.hpp"
#include "../project_loading.hpp"
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

Result<TimestampUs> SliceOf(const std::string& text) {
  MR_TRY(const auto ms, ParseDurationMs(text));
  if (ms >= records::kSumSliceUs / kUsPerMs) return ms * kUsPerMs;
  return Fail(ErrorCode::kInvalidArgument, "at least 1m");
}

Result<Verdict> Run(const VerifyFlags& flags) {
  VerifyOptions options;
  options.project = flags.project;
  if (!flags.slice.empty()) {
    MR_TRY(options.slice, SliceOf(flags.slice));
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
  command
      ->add_option("--slice", flags->slice,
                   "width of a slice of time, such as 15m or 24h (by the data)")
      ->check([](const std::string& text) {
        const auto slice = SliceOf(text);
        return slice ? std::string() : std::string(slice.error().message());
      });
  command->add_flag("--json", flags->json, "one JSON line");
  command->callback([flags, &action] {
    action = [flags]() -> int {
      if (!flags->project.empty()) {
        const auto loaded = LoadProject(flags->project, {});
        if (!loaded) return loaded.error();
      }
      const auto verdict = Run(*flags);
      if (!verdict) return Report(verdict.error());
      fmt::print("{}{}", flags->json ? verdict->ToJson() : verdict->ToText(),
                 flags->json ? "\n" : "");
      return verdict->Disagrees()    ? kFailed
             : verdict->Incomplete() ? kIncomplete
             : verdict->Behind()     ? kBehind
                                     : kOk;
    };
  });
}

}  // namespace millrace::app
