#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "../data_access.hpp"
#include "../exit_codes.hpp"
#include "../json_view.hpp"
#include "base/file.hpp"
#include "command.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

/// Whether there is still somebody who takes it; `main` says what became of stdout.
bool WriteOut(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

int Finish(const Status& status) {
  return status ? static_cast<int>(kOk) : Report(status.error());
}

// ---- sql ----

struct SqlFlags {
  std::filesystem::path data;
  std::filesystem::path file;
  std::string select;
  std::string format;
  std::vector<std::string> variables;
};

Result<std::string> SelectText(const SqlFlags& flags) {
  if (!flags.file.empty()) return ReadFile(flags.file);
  if (flags.select != "-") return flags.select;
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

/// Without a data directory: over files, whose paths are relative to the SQL file.
Status QueryFiles(const SqlFlags& flags, const std::string& select, sql::Format format) {
  sql::EngineOptions options;
  options.directories = {"/"};
  options.memory_limit = 1u << 30u;
  options.temp_directory = std::filesystem::temp_directory_path();
  MR_TRY(const auto engine, sql::Engine::Open(options));
  MR_TRY(const auto session, engine->Connect());
  for (const auto& text : flags.variables) {
    const auto equal = text.find('=');
    if (equal == 0 || equal == std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "--set " + text + ": expected name=value");
    }
    MR_CHECK_OK(session->Run("SET VARIABLE " + sql::QuoteName(text.substr(0, equal)) +
                             " = " + sql::QuoteText(text.substr(equal + 1))));
  }
  if (!flags.file.empty()) {
    const auto folder = std::filesystem::absolute(flags.file).parent_path();
    if (chdir(folder.c_str()) != 0) return Fail(SystemError("enter", folder, errno));
  }
  bool taken = true;
  sql::Printer printer(
      format, [&taken](std::string_view text) { taken = taken && WriteOut(text); });
  MR_CHECK_OK(session->Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    printer.Add(block);
    return taken;
  }));
  printer.Finish();
  return {};
}

Status Sql(const SqlFlags& flags) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  MR_TRY(const auto format, sql::ParseFormat(!flags.format.empty() ? flags.format
                                             : terminal            ? "table"
                                                                   : "csv"));
  MR_TRY(const auto select, SelectText(flags));
  if (flags.data.empty()) return QueryFiles(flags, select, format);
  if (!flags.variables.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "--set goes with queries over files, not --data");
  }
  MR_TRY(const auto access, DataAccess::Open(flags.data));
  return access->Sql(select, format, WriteOut);
}

// ---- status ----

struct StatusFlags {
  std::filesystem::path data = "data";
  bool json = false;
};

Status ShowStatus(const StatusFlags& flags) {
  MR_TRY(const auto access, DataAccess::Open(flags.data));
  MR_TRY(const auto json, access->StatusJson());
  if (flags.json) {
    fmt::print("{}\n", json);
  } else {
    fmt::print("{}", StatusTable(json));
  }
  return {};
}

}  // namespace

void AddQueryCommands(CLI::App& app, Action& action) {
  auto sql = std::make_shared<SqlFlags>();
  auto* command =
      app.add_subcommand("sql", "one SELECT over tables and lake.*, or over files");
  command->add_option("SELECT", sql->select, "the query; - reads it from stdin");
  command->add_option("--data", sql->data,
                      "data directory; without it, the query reads files");
  command
      ->add_option("--file", sql->file,
                   "the query from a file; its paths are relative to it")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--format", sql->format,
                   "table, csv, json or ndjson (table on a terminal, else csv)")
      ->check([](const std::string& name) {
        const auto format = sql::ParseFormat(name);
        return format ? std::string() : std::string(format.error().message());
      });
  command->add_option("--set", sql->variables, "name=value, read by getvariable('name')");
  command->callback([sql, &action] {
    if (sql->select.empty() == sql->file.empty()) {
      throw CLI::ValidationError("sql", "give a query, or --file");
    }
    action = [sql] { return Finish(Sql(*sql)); };
  });

  auto status = std::make_shared<StatusFlags>();
  command = app.add_subcommand("status", "where each pipeline stands");
  command->add_option("--data", status->data, "data directory")->capture_default_str();
  command->add_flag("--json", status->json, "as a JSON array");
  command->callback(
      [status, &action] { action = [status] { return Finish(ShowStatus(*status)); }; });
}

}  // namespace millrace::app
