#include "../trace.hpp"

#include <fmt/format.h>

#include "../data_access.hpp"
#include "../exit_codes.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

struct TraceFlags {
  std::filesystem::path data = "data";
  TraceQuestion question;
  bool json = false;
};

Status Trace(const TraceFlags& flags) {
  MR_TRY(const auto access, DataAccess::Open(flags.data));
  MR_TRY(const auto json, access->Trace(flags.question));
  fmt::print("{}{}", flags.json ? json : TraceText(json), flags.json ? "\n" : "");
  return {};
}

}  // namespace

void AddTraceCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<TraceFlags>();
  auto* command = app.add_subcommand(
      "trace",
      "where an event is: accepted, logged, in which file and table, or why not");
  command
      ->add_option(
          "ID", flags->question.id,
          "event id, STREAM@OFFSET (what the POST to a stream answered), key of a "
          "record or dead letter, or COLLECTION/KEY")
      ->required();
  command->add_option("--collection", flags->question.collection,
                      "look in this collection only");
  command->add_option("--data", flags->data, "data directory")->capture_default_str();
  command->add_flag("--json", flags->json, "one JSON line");
  command->callback([flags, &action] {
    action = [flags]() -> int {
      const auto traced = Trace(*flags);
      return traced ? static_cast<int>(kOk) : Report(traced.error());
    };
  });
}

}  // namespace millrace::app
