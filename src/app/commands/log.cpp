#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "../data_directory.hpp"
#include "../exit_codes.hpp"
#include "../project_loading.hpp"
#include "base/json.hpp"
#include "change/codec.hpp"
#include "checks.hpp"
#include "command.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "project/project.hpp"

namespace millrace::app {
namespace {

constexpr std::uint32_t kReadRecords = 1'000;
constexpr std::uint64_t kReadBytes = 4u << 20u;

struct LogFlags {
  std::filesystem::path data = "data";
  std::string stream;
  std::string tenant;
  Offset from = 0;
  std::uint64_t limit = 100;
  bool json = false;
  std::string codec;
  std::filesystem::path project = ".";
};

Result<std::unique_ptr<eventlog::EmbeddedEventLog>> OpenLog(const LogFlags& flags) {
  MR_CHECK_OK(CheckDataDirectory(flags.data));
  return eventlog::OpenEmbeddedReadOnly(DataPaths{flags.data}.log());
}

Status List(const LogFlags& flags, const change::Codec* /*codec*/) {
  MR_TRY(const auto log, OpenLog(flags));
  MR_TRY(const auto streams, log->Streams());
  if (!flags.json)
    fmt::print("{:<30} {:>12} {:>12} {:>14}\n", "stream", "first", "next", "bytes");
  std::string out = "[";
  for (const auto& info : streams) {
    if (!flags.json) {
      fmt::print("{:<30} {:>12} {:>12} {:>14}\n", info.stream.name, info.first, info.next,
                 info.bytes);
      continue;
    }
    out += out.size() > 1 ? ",{\"stream\":" : "{\"stream\":";
    AppendJsonString(out, info.stream.name);
    out += ",\"tenant\":";
    AppendJsonString(out, info.stream.tenant);
    out += fmt::format(",\"first\":{},\"next\":{},\"bytes\":{}}}", info.first, info.next,
                       info.bytes);
  }
  if (flags.json) fmt::print("{}]\n", out);
  return {};
}

/// One event a line: {"offset":…,"event":…}, or as a codec writes it. Bodies are JSON;
/// what is not is shown as text.
Status Print(const eventlog::Record& record, const change::Codec* codec) {
  if (codec != nullptr) {
    MR_TRY(const auto event, change::ParseEnvelope(record.body));
    std::string line;
    MR_CHECK_OK(codec->Encode(line, event));
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    return {};
  }
  std::string line = fmt::format("{{\"offset\":{},\"event\":", record.offset);
  if (record.body.starts_with('{')) {
    line += record.body;
  } else {
    AppendJsonString(line, record.body);
  }
  line += "}\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  return {};
}

Result<std::unique_ptr<change::Codec>> CodecFor(const LogFlags& flags,
                                                const project::Project& project) {
  const auto collection = project.collections.find(flags.stream);
  if (collection == project.collections.end()) {
    return Fail(ErrorCode::kNotFound, "--codec: the project in " +
                                          flags.project.string() + " has no collection " +
                                          flags.stream);
  }
  return change::MakeCodec(flags.codec, collection->second);
}

/// nullptr: none is asked for. The error: the exit code, of what was said.
std::expected<std::unique_ptr<change::Codec>, int> CodecOf(const LogFlags& flags) {
  if (flags.codec.empty()) return nullptr;
  const auto project = project::Load(flags.project);
  if (!project) {
    Report(ErrorOf(project.error()));
    return std::unexpected(kBadProject);
  }
  auto codec = CodecFor(flags, *project);
  if (!codec) return std::unexpected(Report(codec.error()));
  return std::move(*codec);
}

Result<Offset> PrintFrom(eventlog::EventLog& log, const StreamId& stream, Offset from,
                         std::uint64_t limit, const change::Codec* codec) {
  while (limit > 0) {
    const auto most =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, kReadRecords));
    MR_TRY(const auto batch, log.Read(stream, from, most, kReadBytes));
    if (batch.empty()) break;
    for (const auto& record : batch.records()) {
      MR_CHECK_OK(Print(record, codec));
      if (std::ferror(stdout) != 0) return from;  // `main` says so
    }
    limit -= batch.records().size();
    from = batch.next();
  }
  return from;
}

/// A stream is there from its first event on.
Result<bool> IsThere(eventlog::EventLog& log, const StreamId& stream) {
  MR_TRY(const auto streams, log.Streams());
  return std::ranges::find(streams, stream, &eventlog::StreamInfo::stream) !=
         streams.end();
}

std::string NameOf(const StreamId& stream) {
  return stream.name + (stream.tenant.empty() ? "" : " of tenant " + stream.tenant);
}

Status Read(const LogFlags& flags, const change::Codec* codec) {
  MR_TRY(const auto log, OpenLog(flags));
  const StreamId stream{flags.tenant, flags.stream};
  MR_TRY(const bool there, IsThere(*log, stream));
  if (!there) {
    return Fail(ErrorCode::kNotFound,
                "the log has no stream " + NameOf(stream) + ": see `millrace log list`");
  }
  MR_TRY(const auto info, log->Stream(stream));
  MR_CHECK_OK(
      PrintFrom(*log, stream, std::max(flags.from, info.first), flags.limit, codec));
  return {};
}

Status Tail(const LogFlags& flags, const change::Codec* codec) {
  MR_TRY(const auto log, OpenLog(flags));
  const StreamId stream{flags.tenant, flags.stream};
  MR_TRY(const bool there, IsThere(*log, stream));
  if (!there) {
    fmt::print(stderr, "millrace: the log has no stream {} yet; waiting for it\n",
               NameOf(stream));
  }
  MR_TRY(const auto info, log->Stream(stream));
  Offset at = std::max(info.first, info.next > flags.limit ? info.next - flags.limit : 0);
  for (;;) {
    MR_TRY(at, PrintFrom(*log, stream, at, ~std::uint64_t{0}, codec));
    if (std::fflush(stdout) != 0) return {};  // the reader of the pipe has gone
    log->WaitFor(stream, at, Deadline::Never());
  }
}

}  // namespace

void AddLogCommands(CLI::App& app, Action& action) {
  auto flags = std::make_shared<LogFlags>();
  auto* log = app.add_subcommand("log", "look into the event log");
  log->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       Status (*work)(const LogFlags&, const change::Codec*)) {
    auto* command = log->add_subcommand(name, help);
    command->add_option("--data", flags->data, "data directory")->capture_default_str();
    command->callback([flags, work, &action] {
      action = [flags, work] {
        const auto codec = CodecOf(*flags);
        if (!codec) return codec.error();
        const auto status = work(*flags, codec->get());
        return status ? static_cast<int>(kOk) : Report(status.error());
      };
    });
    return command;
  };
  auto* list = add("list", "streams with their offsets and sizes", List);
  list->add_flag("--json", flags->json, "as JSON");
  auto* read = add("read", "events of a stream, one JSON line each", Read);
  auto* tail = add("tail", "the last events of a stream, and those that come", Tail);
  for (auto* command : {read, tail}) {
    command->add_option("STREAM", flags->stream, "name, as `log list` shows it")
        ->required();
    command->add_option("--tenant", flags->tenant, "tenant of the stream");
    command
        ->add_option("--limit", flags->limit, "most events; for tail: of those there are")
        ->check(WholeNumber(0))
        ->capture_default_str();
    command
        ->add_option("--codec", flags->codec,
                     "a collection's changes in another system's form: "
                     "mongodb-change-stream or operation-data")
        ->check([](const std::string& name) {
          return std::ranges::count(change::CodecNames(), name) > 0
                     ? std::string()
                     : name + ": expected mongodb-change-stream or operation-data";
        });
    command
        ->add_option("--project", flags->project,
                     "project directory, for --codec: what types the fields have")
        ->capture_default_str();
  }
  read->add_option("--from", flags->from, "first offset")->check(WholeNumber(0));
  AddLogAppendCommand(*log, action);
}

}  // namespace millrace::app
