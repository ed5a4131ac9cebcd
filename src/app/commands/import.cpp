#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "../exit_codes.hpp"
#include "../import_reader.hpp"
#include "../json_view.hpp"
#include "../operation_sender.hpp"
#include "../progress.hpp"
#include "../server_address.hpp"
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "checks.hpp"
#include "command.hpp"
#include "send_flags.hpp"

namespace millrace::app {
namespace {

struct ImportFlags : SendFlags {
  std::string collection;
  std::filesystem::path file;
  std::vector<std::string> nulls, map;
  std::optional<std::filesystem::path> errors;
  bool skip_errors = false;
  std::string Place() const { return file.string() + ":"; }
};

/// Every refusal as a line of JSON, for whoever mends them.
class ErrorReport {
 public:
  static Result<ErrorReport> Open(const std::optional<std::filesystem::path>& path) {
    ErrorReport report;
    if (!path) return report;
    report.file_.reset(std::fopen(path->c_str(), "w"));
    if (!report.file_) return Fail(SystemError("open", *path, errno));
    return report;
  }

  void Add(const Refusal& refusal) {
    if (!file_) return;
    std::string line = "{\"line\":" + std::to_string(refusal.row) + ",\"status\":";
    line += refusal.status == 0 ? "null" : std::to_string(refusal.status);
    line += ",\"reason\":";
    const auto answer = refusal.status == 0 ? "" : OneLine(refusal.answer);
    if (answer.empty()) {
      AppendJsonString(line, refusal.answer);
    } else {
      line += answer;
    }
    line += "}\n";
    std::fwrite(line.data(), 1, line.size(), file_.get());
  }

  /// Whether all of it was written.
  Status Finish() {
    if (!file_ || std::fclose(file_.release()) == 0) return {};
    return Fail(ErrorCode::kResourceExhausted, "the file of --errors was not written");
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

/// Part of what an import is: another map makes other records of the same file.
std::uint64_t HashOf(const ImportFlags& flags, std::uint64_t file) {
  std::string text = flags.collection;
  for (const auto& one : flags.map) text += "\nmap " + one;
  for (const auto& one : flags.nulls) text += "\nnull " + one;
  return Hash64(text, file);
}

Result<SendSummary> Import(const ImportFlags& flags) {
  MR_TRY(auto server, ServerAt(flags.url, flags.key_file));
  MR_TRY(const auto shape, FetchCollection(server, flags.collection));
  ImportRules rules{{}, flags.nulls};
  MR_TRY(rules.fields, ParseFieldMap(flags.map));
  MR_TRY(auto reader, ImportReader::Open(flags.file, shape, rules));
  MR_TRY(auto errors, ErrorReport::Open(flags.errors));
  MR_TRY(const auto identity, HashOfFile(flags.file));
  std::string prefix;
  AppendHex(prefix, HashOf(flags, identity), 16);
  MR_TRY(auto options, OptionsFrom(flags, prefix));
  std::mutex errors_mutex;
  options.on_refusal = [&](const Refusal& refusal) {
    const std::scoped_lock lock(errors_mutex);
    errors.Add(refusal);
  };
  const auto on_refusal = options.on_refusal;
  OperationSender sender(std::move(options));
  const Progress progress(
      flags.file.filename().string(), 0, [&sender] { return sender.answered(); },
      flags.quiet);
  std::vector<Refusal> unreadable;
  std::uint64_t unreadable_count = 0;
  for (;;) {
    auto next = reader->Next();
    if (!next) {
      // What was read is sent all the same, and counted.
      ++unreadable_count;
      unreadable.push_back(
          {reader->line(), 0, next.error().message() + "; nothing behind it was read"});
      on_refusal(unreadable.back());
      break;
    }
    if (!*next) break;
    auto& row = **next;
    if (!row.problem.empty()) {
      ++unreadable_count;
      const Refusal refusal{row.line, 0, row.problem};
      on_refusal(refusal);
      if (unreadable.size() < 20) unreadable.push_back(refusal);
      continue;
    }
    Operation operation;
    operation.row = row.line;
    operation.collection = flags.collection;
    operation.key = std::move(row.key);
    operation.body = std::move(row.body);
    MR_CHECK_OK(sender.Add(std::move(operation)));
  }
  MR_TRY(auto summary, sender.Finish());
  summary.refused += unreadable_count;
  summary.operations += unreadable_count;
  summary.refusals.insert(summary.refusals.begin(), unreadable.begin(), unreadable.end());
  MR_CHECK_OK(errors.Finish());
  return summary;
}

/// Lines that were refused are no failure where they are to be skipped.
int RunImport(const ImportFlags& flags) {
  const auto summary = Import(flags);
  if (!summary) return Report(summary.error());
  const int code = PrintSummary(*summary, flags.json, flags.Place());
  return code == kFailed && flags.skip_errors ? kOk : code;
}

}  // namespace

void AddImportCommand(CLI::App& app, Action& action) {
  auto import = std::make_shared<ImportFlags>();
  auto* command = app.add_subcommand("import", "create a record for each line of a file");
  command->add_option("COLLECTION", import->collection, "where the records go")
      ->required();
  command
      ->add_option(
          "FILE", import->file,
          "CSV with a header (.csv, .csv.gz) or one JSON object a line (.ndjson, .jsonl)")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--map", import->map,
                   "column=field, or column= to leave it out; again for more")
      ->check(Assignment("column=field, or column= to leave it out"));
  command
      ->add_option("--null", import->nulls,
                   "texts that are null (an empty CSV cell always); again for more")
      ->allow_extra_args(false);
  command->add_flag("--skip-errors", import->skip_errors,
                    "refused lines do not make the import fail");
  command->add_option("--errors", import->errors,
                      "file for every refused line, with its number and why, as JSON");
  AddSendFlags(*command, *import);
  command->callback([import, &action] {
    std::error_code absent;
    if (import->errors &&
        std::filesystem::equivalent(import->file, *import->errors, absent)) {
      throw CLI::ValidationError("--errors",
                                 "is the file that is read: choose another one");
    }
    action = [import] { return RunImport(*import); };
  });
}

}  // namespace millrace::app
