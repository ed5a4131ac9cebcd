#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "../exit_codes.hpp"
#include "../import_reader.hpp"
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
  static std::string Place() { return "row "; }
};

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

Status SendBlock(const sql::Batch& block, std::uint64_t& row, OperationSender& sender) {
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
  Status sent;
  MR_CHECK_OK(session->Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    sent = SendBlock(block, row, sender);
    return sent.has_value();
  }));
  MR_CHECK_OK(sent);
  return sender.Finish();
}

// ---- import ----

struct ImportFlags : SendFlags {
  std::string collection;
  std::filesystem::path file;
  std::string null_text;
  std::string Place() const { return file.string() + ":"; }
};

Result<SendSummary> Import(const ImportFlags& flags) {
  MR_TRY(auto server, ParseServerUrl(flags.url));
  MR_TRY(const auto shape, FetchCollection(server, flags.collection));
  MR_TRY(auto reader, ImportReader::Open(flags.file, shape, flags.null_text));
  MR_TRY(const auto identity, HashOfFile(flags.file));
  std::string prefix;
  AppendHex(prefix, Hash64(flags.collection, identity), 16);
  MR_TRY(auto options, OptionsFrom(flags, prefix));
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
      break;
    }
    if (!*next) break;
    auto& row = **next;
    if (!row.problem.empty()) {
      ++unreadable_count;
      if (unreadable.size() < 20) unreadable.push_back({row.line, 0, row.problem});
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
  return summary;
}

template <typename Flags>
int Run(Result<SendSummary> (*work)(const Flags&), const Flags& flags) {
  const auto summary = work(flags);
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
  AddSendFlags(*command, *replay);
  command->callback(
      [replay, &action] { action = [replay] { return Run(Replay, *replay); }; });

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
  command->add_option("--null", import->null_text,
                      "CSV cells with this text are null (empty ones always)");
  AddSendFlags(*command, *import);
  command->callback(
      [import, &action] { action = [import] { return Run(Import, *import); }; });
}

}  // namespace millrace::app
