#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "../exit_codes.hpp"
#include "../import_reader.hpp"
#include "../stream_appender.hpp"
#include "base/bytes.hpp"
#include "base/json.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kPartBytes = 1u << 20u;
constexpr std::size_t kPartLines = 5'000;
constexpr std::size_t kShown = 20;

struct AppendFlags {
  std::filesystem::path data = "data", project = ".";
  std::string stream, file;
  bool whole = false, json = false;
};

/// Everything that was appended; lines are numbered in the file.
struct Total : AppendOutcome {
  void Add(AppendOutcome part, std::uint64_t lines_before) {
    accepted += part.accepted;
    duplicates += part.duplicates;
    for (auto& one : part.refused) {
      one.line += lines_before;
      refused.push_back(std::move(one));
    }
  }
};

std::string ToJson(const Total& total) {
  std::string out =
      fmt::format("{{\"accepted\":{},\"duplicates\":{},\"refused\":{},\"errors\":[",
                  total.accepted, total.duplicates, total.refused.size());
  for (std::size_t i = 0; i < total.refused.size(); ++i) {
    out += fmt::format("{}{{\"line\":{},\"reason\":", i > 0 ? "," : "",
                       total.refused[i].line);
    AppendJsonString(out, total.refused[i].reason);
    out += '}';
  }
  return out + "]}";
}

int Print(const Total& total, bool json) {
  if (json) {
    fmt::print("{}\n", ToJson(total));
  } else {
    fmt::print("{} events appended, {} were there already, {} refused\n", total.accepted,
               total.duplicates, total.refused.size());
    for (std::size_t i = 0; i < total.refused.size() && i < kShown; ++i) {
      fmt::print(stderr, "line {}: {}\n", total.refused[i].line, total.refused[i].reason);
    }
    if (total.refused.size() > kShown) fmt::print(stderr, "… and more: see --json\n");
  }
  return total.refused.empty() ? kOk : kFailed;
}

/// Lines of `in` as parts that one append takes.
Status AppendLines(std::istream& in, StreamAppender& appender, const std::string& prefix,
                   Total& total) {
  std::string part, line;
  std::uint64_t before = 0, lines = 0;
  const auto send = [&]() -> Status {
    if (part.find_first_not_of(" \t\r\n") != std::string::npos) {
      const auto id =
          prefix.empty() ? std::string() : fmt::format("{}-{}", prefix, before);
      auto outcome = appender.Append(part, true, id);
      if (!outcome) {
        return Fail(
            std::move(outcome.error())
                .During(fmt::format("lines {} to {}", before + 1, before + lines)));
      }
      total.Add(std::move(*outcome), before);
    }
    before += lines;
    lines = 0;
    part.clear();
    return {};
  };
  while (std::getline(in, line)) {
    part += line;
    part += '\n';
    if (++lines < kPartLines && part.size() < kPartBytes) continue;
    MR_CHECK_OK(send());
  }
  return send();
}

Status Append(const AppendFlags& flags, Total& total) {
  const bool standard_input = flags.file == "-";
  std::string prefix;
  std::ifstream file;
  if (!standard_input) {
    MR_TRY(const auto hash, HashOfFile(flags.file));
    AppendHex(prefix, hash, 16);
    file.open(flags.file, std::ios::binary);
  }
  std::istream& in = standard_input ? std::cin : file;
  telemetry::Logger logger({.level = telemetry::Level::kWarn});
  MR_TRY(const auto appender,
         StreamAppender::Open(flags.data, flags.project, flags.stream, logger));
  if (!flags.whole) return AppendLines(in, *appender, prefix, total);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  MR_TRY(auto outcome, appender->Append(bytes, false, ""));
  total.Add(std::move(outcome), 0);
  return {};
}

int Run(const AppendFlags& flags) {
  Total total;
  const auto status = Append(flags, total);
  if (status) return Print(total, flags.json);
  if (total.accepted + total.duplicates > 0) {
    fmt::print(stderr, "{} events were appended before this:\n", total.accepted);
  }
  return Report(status.error());
}

}  // namespace

void AddLogAppendCommand(CLI::App& log, Action& action) {
  auto flags = std::make_shared<AppendFlags>();
  auto* append = log.add_subcommand(
      "append",
      "append events to a declared stream, one a line; run again, the lines "
      "of a file that are there already are recognised");
  append->add_option("STREAM", flags->stream, "a stream of the project")->required();
  append->add_option("FILE", flags->file, "what to append; - is the standard input")
      ->required();
  append->add_option("--data", flags->data, "data directory")->capture_default_str();
  append
      ->add_option("--project", flags->project,
                   "project directory, read where no server runs")
      ->capture_default_str();
  append->add_flag("--whole", flags->whole, "the file is one event (raw), or one JSON");
  append->add_flag("--json", flags->json, "the outcome as JSON");
  append->callback([flags, &action] { action = [flags] { return Run(*flags); }; });
}

}  // namespace millrace::app
