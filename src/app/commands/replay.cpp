#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "../exit_codes.hpp"
#include "../import_reader.hpp"
#include "../json_view.hpp"
#include "../operation_sender.hpp"
#include "../progress.hpp"
#include "../server_address.hpp"
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "command.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

struct SendFlags {
  std::string url = "http://127.0.0.1:8080";
  std::uint32_t connections = 32;
  double rate = 0;
  std::uint32_t retry_seconds = 60;
  bool json = false;
  bool quiet = false;
};

void AddSendFlags(CLI::App& command, SendFlags& flags) {
  command.add_option("--url", flags.url, "address of the server")->capture_default_str();
  command
      .add_option("--connections", flags.connections, "connections; a key stays on one")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  command.add_option("--rate", flags.rate, "operations a second (0: as fast as it goes)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--retry-seconds", flags.retry_seconds,
                  "how long one operation is repeated while there is no clear answer")
      ->capture_default_str();
  command.add_flag("--json", flags.json, "the summary as one JSON line");
  command.add_flag("--quiet", flags.quiet, "no progress on stderr");
}

Result<SenderOptions> OptionsFrom(const SendFlags& flags, std::string prefix) {
  SenderOptions options;
  MR_TRY(options.server, ParseServerUrl(flags.url));
  options.connections = flags.connections;
  options.rate = flags.rate;
  options.retry_for = std::chrono::seconds(flags.retry_seconds);
  options.idempotency_prefix = std::move(prefix);
  return options;
}

/// `place`: what a refusal's number is one of, "row " or "orders.csv:".
int PrintSummary(const SendSummary& summary, bool json, const std::string& place) {
  if (json) {
    fmt::print("{}\n", summary.ToJson());
    return summary.refused == 0 ? kOk : kFailed;
  }
  const double rate =
      summary.seconds > 0 ? static_cast<double>(summary.operations) / summary.seconds : 0;
  fmt::print("{} operations in {:.1f} s ({:.0f}/s)", summary.operations, summary.seconds,
             rate);
  if (summary.replayed > 0) fmt::print(", {} of them known already", summary.replayed);
  if (summary.retried > 0) fmt::print(", {} repeated", summary.retried);
  fmt::print("\n");
  for (const auto& [name, sum] : summary.collections) {
    fmt::print("  {}: {} accepted\n", name, sum.changes);
  }
  if (summary.refused == 0) return kOk;
  fmt::print("{} refused, the first of them:\n", summary.refused);
  for (const auto& refusal : summary.refusals) {
    fmt::print("  {}{}: ", place, refusal.row);
    if (refusal.status != 0) fmt::print("{} ", refusal.status);
    fmt::print("{}\n", refusal.answer);
  }
  return kFailed;
}

// ---- replay ----

struct ReplayFlags : SendFlags {
  std::filesystem::path file;
  std::vector<std::string> variables;
  std::string speed;
  static std::string Place() { return "row "; }
};

/// "600x" or "600"; 0 when nothing is given.
Result<double> ParseSpeed(const std::string& text) {
  if (text.empty()) return 0.0;
  const std::string number = text.ends_with('x') ? text.substr(0, text.size() - 1) : text;
  double speed = 0;
  const auto [end, failed] =
      std::from_chars(number.data(), number.data() + number.size(), speed);
  if (failed == std::errc() && end == number.data() + number.size() && speed > 0) {
    return speed;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "--speed " + text + ": expected how many times as fast, such as 600x");
}

/// Holds operations back until their time: at distances of `at`, divided by the speed.
class Pace {
 public:
  explicit Pace(double speed) : speed_(speed) {}
  bool on() const { return speed_ > 0; }

  void WaitFor(TimestampUs at) {
    if (!first_) first_ = at;
    const double after = static_cast<double>(at - *first_) / speed_;
    std::this_thread::sleep_until(started_ +
                                  std::chrono::microseconds(static_cast<long>(after)));
  }

 private:
  const double speed_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::optional<TimestampUs> first_;
};

Result<TimestampUs> TimeAt(const sql::Batch& block, std::size_t row) {
  const int column = block.Find("at");
  const auto index = static_cast<std::size_t>(column);
  if (column >= 0 && !block.IsNull(index, row) &&
      block.columns()[index].type.kind == schema::Kind::kTimestamp) {
    return block.Int64(index, row);
  }
  return Fail(ErrorCode::kInvalidArgument, "--speed needs a timestamp in the column at");
}

struct Variable {
  std::string name, value;
};

Result<std::vector<Variable>> ParseVariables(const std::vector<std::string>& texts) {
  std::vector<Variable> variables;
  for (const auto& text : texts) {
    const auto equal = text.find('=');
    if (equal == 0 || equal == std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "--set " + text + ": expected name=value");
    }
    variables.push_back({text.substr(0, equal), text.substr(equal + 1)});
  }
  return variables;
}

Result<http::Method> MethodOf(std::string_view op) {
  if (op == "create") return http::Method::kPost;
  if (op == "update") return http::Method::kPatch;
  if (op == "replace") return http::Method::kPut;
  if (op == "delete") return http::Method::kDelete;
  return Fail(
      ErrorCode::kInvalidArgument,
      "op is \"" + std::string(op) + "\"; expected create, update, replace or delete");
}

/// Columns of the operations in a result block.
struct OperationColumns {
  int op, collection, key, body;

  static Result<OperationColumns> Find(const sql::Batch& block) {
    const OperationColumns columns{block.Find("op"), block.Find("collection"),
                                   block.Find("key"), block.Find("body")};
    if (columns.op < 0 || columns.collection < 0 || columns.key < 0 || columns.body < 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "the query's columns must be: at, op, collection, key, body");
    }
    return columns;
  }
};

std::string TextAt(const sql::Batch& block, int column, std::size_t row) {
  const auto index = static_cast<std::size_t>(column);
  if (block.IsNull(index, row)) return {};
  const auto kind = block.columns()[index].type.kind;
  if (kind == schema::Kind::kText || kind == schema::Kind::kJson) {
    return std::string(block.Text(index, row));
  }
  std::string json;
  block.AppendJson(json, index, row);
  return json.starts_with('"') ? json.substr(1, json.size() - 2) : json;
}

Status SendBlock(const sql::Batch& block, std::uint64_t& row, Pace& pace,
                 OperationSender& sender) {
  MR_TRY(const auto columns, OperationColumns::Find(block));
  for (std::size_t i = 0; i < block.rows(); ++i) {
    Operation operation;
    operation.row = ++row;
    auto method = MethodOf(TextAt(block, columns.op, i));
    if (!method) {
      return Fail(std::move(method.error()).During("row " + std::to_string(row)));
    }
    operation.method = *method;
    operation.collection = TextAt(block, columns.collection, i);
    operation.key = TextAt(block, columns.key, i);
    operation.body = TextAt(block, columns.body, i);
    if (pace.on()) {
      const auto at = TimeAt(block, i);
      if (!at) return Fail(Error(at.error()).During("row " + std::to_string(row)));
      pace.WaitFor(*at);
    }
    MR_CHECK_OK(sender.Add(std::move(operation)));
  }
  return {};
}

Result<std::uint64_t> CountRows(sql::Session& session, const std::string& select) {
  MR_TRY(const auto count, session.Query("SELECT count(*) FROM (\n" + select + "\n)"));
  return static_cast<std::uint64_t>(count.Int64(0, 0));
}

Result<SendSummary> Replay(const ReplayFlags& flags) {
  MR_TRY(const auto select, ReadFile(flags.file));
  MR_TRY(const auto variables, ParseVariables(flags.variables));
  MR_TRY(const double speed, ParseSpeed(flags.speed));
  // Paths in the file are relative to the file.
  const auto folder = std::filesystem::absolute(flags.file).parent_path();
  if (chdir(folder.c_str()) != 0) return Fail(SystemError("enter", folder, errno));
  sql::EngineOptions engine_options;
  engine_options.directories = {"/"};
  engine_options.memory_limit = 1u << 30u;
  engine_options.temp_directory = std::filesystem::temp_directory_path();
  MR_TRY(const auto engine, sql::Engine::Open(engine_options));
  MR_TRY(const auto session, engine->Connect());
  // Which rows there are depends on the variables: they are part of the identity.
  auto identity = select;
  for (const auto& variable : variables) {
    MR_CHECK_OK(session->Run("SET VARIABLE " + sql::QuoteName(variable.name) + " = " +
                             sql::QuoteText(variable.value)));
    identity += "\n" + variable.name + "=" + variable.value;
  }
  std::string prefix;
  AppendHex(prefix, Hash64(identity), 16);
  MR_TRY(auto options, OptionsFrom(flags, prefix));
  std::uint64_t total = 0;
  if (!flags.quiet) {
    MR_TRY(total, CountRows(*session, select));
  }
  OperationSender sender(std::move(options));
  const Progress progress(
      flags.file.filename().string(), total, [&sender] { return sender.answered(); },
      flags.quiet);
  std::uint64_t row = 0;
  Pace pace(speed);
  Status sent;
  MR_CHECK_OK(session->Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    sent = SendBlock(block, row, pace, sender);
    return sent.has_value();
  }));
  MR_CHECK_OK(sent);
  return sender.Finish();
}

// ---- import ----

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
  MR_TRY(auto server, ParseServerUrl(flags.url));
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

int RunReplay(const ReplayFlags& flags) {
  const auto summary = Replay(flags);
  return summary ? PrintSummary(*summary, flags.json, flags.Place())
                 : Report(summary.error());
}

}  // namespace

void AddReplayCommands(CLI::App& app, Action& action) {
  auto replay = std::make_shared<ReplayFlags>();
  auto* command = app.add_subcommand(
      "replay",
      "send the operations that a query yields (at, op, collection, key, body)");
  command->add_option("FILE", replay->file, "SQL file; its paths are relative to it")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--set", replay->variables,
                      "name=value, read by getvariable('name')");
  command->add_option("--speed", replay->speed,
                      "600x: at its own distances in time (at), so many times as fast");
  AddSendFlags(*command, *replay);
  command->callback(
      [replay, &action] { action = [replay] { return RunReplay(*replay); }; });

  auto import = std::make_shared<ImportFlags>();
  command = app.add_subcommand("import", "create a record for each line of a file");
  command->add_option("COLLECTION", import->collection, "where the records go")
      ->required();
  command
      ->add_option(
          "FILE", import->file,
          "CSV with a header (.csv, .csv.gz) or one JSON object a line (.ndjson, .jsonl)")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--map", import->map,
                      "column=field, or column= to leave it out; again for more");
  command
      ->add_option("--null", import->nulls,
                   "texts that are null (an empty CSV cell always); again for more")
      ->allow_extra_args(false);
  command->add_flag("--skip-errors", import->skip_errors,
                    "refused lines do not make the import fail");
  command->add_option("--errors", import->errors,
                      "file for every refused line, with its number and why, as JSON");
  AddSendFlags(*command, *import);
  command->callback(
      [import, &action] { action = [import] { return RunImport(*import); }; });
}

}  // namespace millrace::app
