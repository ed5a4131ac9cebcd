#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "../collection_json.hpp"
#include "../import_reader.hpp"
#include "../operation_sender.hpp"
#include "../progress.hpp"
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "checks.hpp"
#include "command.hpp"
#include "send_flags.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kAskAgain{200};
constexpr double kLongestWaitUs = 3e15;  // what a clock still counts to

struct ReplayFlags : SendFlags {
  std::filesystem::path file;
  std::vector<std::string> variables;
  std::string speed;
  static std::string Place() { return "row "; }
};

/// Holds operations back until their time: at distances of `at`, divided by the speed.
class Pace {
 public:
  explicit Pace(double speed) : speed_(speed) {}
  bool on() const { return speed_ > 0; }

  void WaitFor(TimestampUs at) {
    if (!first_) first_ = at;
    const double after =
        std::min(static_cast<double>(at - *first_) / speed_, kLongestWaitUs);
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

/// The keys of creates whose column `key` is null, out of their bodies: every operation
/// of a key goes over the same connection, in order.
class KeysInBodies {
 public:
  explicit KeysInBodies(const SenderOptions& options)
      : server_(options.server), retry_for_(options.retry_for) {}

  /// Empty where the body has none: it is generated.
  Result<std::string> KeyOf(const Operation& create) {
    auto known = keys_.find(create.collection);
    if (known == keys_.end()) {
      const auto shape = Fetch(create.collection);
      // What it refuses here it refuses for each row, with the reason.
      if (!shape && shape.error().code() != ErrorCode::kNotFound)
        return Fail(shape.error());
      known = keys_.emplace(create.collection, shape ? shape->key : "").first;
    }
    return known->second.empty() ? "" : TextMember(create.body, known->second);
  }

 private:
  /// As long as an operation is repeated.
  Result<CollectionShape> Fetch(const std::string& collection) const {
    const auto until = Deadline::After(retry_for_);
    for (;;) {
      auto shape = FetchCollection(server_, collection);
      if (shape || shape.error().code() == ErrorCode::kNotFound || until.expired())
        return shape;
      std::this_thread::sleep_for(kAskAgain);
    }
  }

  const http::ClientOptions server_;
  const std::chrono::milliseconds retry_for_;
  std::map<std::string, std::string> keys_;  ///< collection → field; empty: not told
};

Status SendBlock(const sql::Batch& block, std::uint64_t& row, Pace& pace,
                 KeysInBodies& keys, OperationSender& sender) {
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
    if (operation.key.empty() && operation.method == http::Method::kPost) {
      MR_TRY(operation.key, keys.KeyOf(operation));
    }
    if (pace.on()) {
      const auto at = TimeAt(block, i);
      if (!at) return Fail(Error(at.error()).During("row " + std::to_string(row)));
      pace.WaitFor(*at);
    }
    MR_CHECK_OK(sender.Add(std::move(operation)));
  }
  return {};
}

/// The query's own semicolon at its end would stand within the parentheses.
Result<std::uint64_t> CountRows(sql::Session& session, std::string select) {
  select.erase(select.find_last_not_of("; \t\r\n") + 1);
  MR_TRY(const auto count, session.Query("SELECT count(*) FROM (\n" + select + "\n)"));
  return static_cast<std::uint64_t>(count.Int64(0, 0));
}

Result<SendSummary> Replay(const ReplayFlags& flags) {
  MR_TRY(const auto select, ReadFile(flags.file));
  MR_TRY(const auto variables, ParseVariables(flags.variables));
  double speed = 0;
  if (!flags.speed.empty()) {
    MR_TRY(speed, ParseSpeed(flags.speed));
  }
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
  KeysInBodies keys(options);
  OperationSender sender(std::move(options));
  const Progress progress(
      flags.file.filename().string(), total, [&sender] { return sender.answered(); },
      flags.quiet);
  std::uint64_t row = 0;
  Pace pace(speed);
  Status sent;
  MR_CHECK_OK(session->Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    sent = SendBlock(block, row, pace, keys, sender);
    return sent.has_value();
  }));
  MR_CHECK_OK(sent);
  return sender.Finish();
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
  command
      ->add_option("--set", replay->variables, "name=value, read by getvariable('name')")
      ->check(Assignment("name=value"));
  command
      ->add_option("--speed", replay->speed,
                   "600x: at its own distances in time (at), so many times as fast")
      ->check(SpeedFactor());
  AddSendFlags(*command, *replay);
  command->callback(
      [replay, &action] { action = [replay] { return RunReplay(*replay); }; });
}

}  // namespace millrace::app
