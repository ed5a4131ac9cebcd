#include "data_access.hpp"

#include <thread>
#include <utility>

#include "backup_job.hpp"
#include "data_directory.hpp"
#include "data_queries.hpp"
#include "lake/lake_catalog.hpp"
#include "server_socket.hpp"
#include "stores.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kLookAgain{100};
constexpr std::chrono::seconds kWaitForServer{10};

/// Asks the server that runs on the directory.
class ServerAccess final : public DataAccess, public LetterWorks {
 public:
  explicit ServerAccess(ServerSocket server) : server_(std::move(server)) {}

  Status Sql(const std::string& select, sql::Format format,
             const std::function<void(std::string_view)>& write) override {
    std::string target = "/admin/sql";
    AppendParameter(target, "format", NameOf(format));
    MR_TRY(const auto body, server_.Ask(http::Method::kPost, target, select));
    write(body);
    return {};
  }

  Result<std::string> StatusJson() override {
    return server_.Ask(http::Method::kGet, "/admin/status");
  }

  Result<std::string> DeadLetters(const pipeline::DeadLetterFilter& filter) override {
    return server_.Ask(http::Method::kGet, "/admin/deadletters" + ToQuery(filter));
  }

  LetterWorks* letters() override { return this; }
  Result<std::string> Mend(const pipeline::LetterFilter& filter,
                           const std::string& spec) override {
    return server_.Ask(http::Method::kPost,
                       "/admin/deadletters/mend" + ToQuery({filter, 1, ""}), spec);
  }
  Result<std::string> Redrive(const pipeline::LetterFilter& filter) override {
    return server_.Ask(http::Method::kPost,
                       "/admin/deadletters/redrive" + ToQuery({filter, 1, ""}));
  }
  Result<std::string> Redriven(std::uint64_t run) override {
    return server_.Ask(http::Method::kGet,
                       "/admin/deadletters/redrive?run=" + std::to_string(run));
  }

  Result<std::string> Dismiss(const pipeline::LetterFilter& filter,
                              const std::string& reason) override {
    return server_.Ask(http::Method::kPost,
                       "/admin/deadletters/dismiss" + ToQuery({filter, 1, ""}), reason);
  }

  Result<std::string> Trace(const TraceQuestion& question) override {
    std::string target = "/admin/trace";
    AppendParameter(target, "id", question.id);
    AppendParameter(target, "collection", question.collection);
    return server_.Ask(http::Method::kGet, target);
  }

  Result<TableAnswer> AskTable(const TableQuestion& question) override {
    MR_TRY(const auto answer,
           server_.Ask(http::Method::kPost, "/admin/table", Encode(question)));
    return DecodeAnswer(answer);
  }

  Status KeepVerdict(const std::string& lines) override {
    MR_CHECK_OK(server_.Ask(http::Method::kPost, "/admin/verified", lines));
    return {};
  }

  Result<BackupReport> BackUp(const std::filesystem::path& to,
                              CopyState& state) override {
    std::string target = "/admin/backup";
    AppendParameter(target, "to", to.string());
    MR_CHECK_OK(server_.Ask(http::Method::kPost, target));
    for (;;) {
      MR_TRY(const auto json, server_.Ask(http::Method::kGet, "/admin/backup"));
      if (const auto ended = ParseBackupJson(json, state)) return *ended;
      std::this_thread::sleep_for(kLookAgain);
    }
  }

 private:
  static std::string_view NameOf(sql::Format format) {
    switch (format) {
      case sql::Format::kTable:
        return "table";
      case sql::Format::kCsv:
        return "csv";
      case sql::Format::kJson:
        return "json";
      case sql::Format::kNdjson:
        return "ndjson";
    }
    return "json";
  }

  ServerSocket server_;
};

/// Reads the files, under the directory's lock.
class FileAccess final : public DataAccess {
 public:
  static Result<std::unique_ptr<DataAccess>> Open(DataDirectory directory) {
    auto access = std::make_unique<FileAccess>(std::move(directory));
    const auto& paths = access->directory_.paths();
    std::error_code absent;
    if (std::filesystem::exists(paths.root / "pipelines.db", absent)) {
      MR_TRY(access->state_, pipeline::StateDb::Open(paths.root));
    }
    auto* const letters = access->state_ ? &access->state_->letters() : nullptr;
    MR_TRY(access->warehouse_,
           OpenWarehouse(paths, WarehouseSettings{}, access->logger_, false, letters));
    return access;
  }
  explicit FileAccess(DataDirectory directory)
      : directory_(std::move(directory)), logger_({.level = telemetry::Level::kWarn}) {}

  Status Sql(const std::string& select, sql::Format format,
             const std::function<void(std::string_view)>& write) override {
    return PrintSql(*warehouse_, select, format, write);
  }

  Result<std::string> StatusJson() override {
    MR_TRY(const auto states, States());
    return app::StatusJson(states);
  }

  Result<std::string> DeadLetters(const pipeline::DeadLetterFilter& filter) override {
    if (!state_) return std::string(R"({"items":[],"next_cursor":null})");
    return DeadLettersJson(*state_, filter);
  }

  Result<std::string> Trace(const TraceQuestion& question) override {
    const auto& paths = directory_.paths();
    objects::FileObjectStore lake(paths.lake());
    sql::EngineOptions options;
    options.directories = {paths.lake()};
    MR_TRY(const auto engine, sql::Engine::Open(options));
    MR_TRY(const auto log, eventlog::OpenEmbeddedReadOnly(paths.log()));
    std::optional<project::Project> project;
    if (const auto of_data = ProjectOf(paths)) {
      if (auto loaded = project::Load(*of_data)) project = std::move(*loaded);
    }
    return TraceJson({paths.root, *log, state_.get(), *warehouse_, lake, *engine,
                      [this] { return StoredStates(); },
                      [&project] { return project ? &*project : nullptr; }},
                     question);
  }

  Result<TableAnswer> AskTable(const TableQuestion& question) override {
    return app::AskTable(*warehouse_, question);
  }

  Result<BackupReport> BackUp(const std::filesystem::path& to,
                              CopyState& state) override {
    const auto& paths = directory_.paths();
    MR_CHECK_OK(MakeDirs(paths.log()));  // a directory that was never served has none
    MR_TRY(const auto log, eventlog::OpenEmbeddedReadOnly(paths.log()));
    return app::BackUp({paths, *warehouse_, *log, nullptr}, to, state);
  }

  Status KeepVerdict(const std::string&) override { return {}; }

 private:
  using Positions = std::map<std::string, Offset>;

  /// Where each sink stands, by its own account: "table.x", "lake.y".
  Result<Positions> SinkPositions() {
    Positions positions;
    MR_TRY(const auto tables, warehouse_->Tables());
    for (const auto& table : tables) {
      if (table.position) positions["table." + table.name] = table.position->next;
    }
    sql::EngineOptions options;
    options.directories = {directory_.paths().lake()};
    MR_TRY(const auto engine, sql::Engine::Open(options));
    MR_TRY(const auto session, engine->Connect());
    objects::FileObjectStore store(directory_.paths().lake());
    MR_TRY(const auto lakes, lake::LakeCatalog(store, *session).Tables());
    for (const auto& lake : lakes) {
      if (lake.next_offset) positions["lake." + lake.name] = *lake.next_offset;
    }
    return positions;
  }

  static SinkState StateOf(const pipeline::StoredSink& sink,
                           const std::optional<Offset>& position) {
    const bool stopped = sink.state == "stopped";
    return {sink.name,
            stopped ? "stopped" : "not running",
            stopped ? sink.reason : "",
            position.value_or(0),
            position.has_value(),
            sink.dead_letters};
  }

  /// With the positions of tables alone: those of lakes are in their files.
  Result<std::vector<PipelineState>> StoredStates() {
    std::vector<PipelineState> states;
    if (!state_) return states;
    MR_TRY(const auto stored, state_->Pipelines());
    constexpr std::string_view kTable = "table.";
    for (const auto& pipeline : stored) {
      PipelineState state;
      state.name = pipeline.name;
      state.stream = pipeline.stream;
      for (const auto& sink : pipeline.sinks) {
        std::optional<Offset> position;
        if (sink.name.starts_with(kTable)) {
          const auto table = warehouse_->FindTable(sink.name.substr(kTable.size()));
          if (table && table->position) position = table->position->next;
        }
        state.sinks.push_back(StateOf(sink, position));
      }
      states.push_back(std::move(state));
    }
    return states;
  }

  /// Committed changes that the log does not have yet: beyond its last position.
  Result<std::vector<PipelineState>> States() {
    std::vector<PipelineState> states;
    if (!state_) return states;
    MR_TRY(const auto stored, state_->Pipelines());
    if (stored.empty()) return states;
    MR_TRY(const auto positions, SinkPositions());
    MR_TRY(const auto log, eventlog::OpenEmbeddedReadOnly(directory_.paths().log()));
    MR_TRY(const auto records, records::RecordsReader::Open(directory_.paths().root));
    MR_TRY(const auto sums, records->Sums());
    for (const auto& pipeline : stored) {
      PipelineState state;
      state.name = pipeline.name;
      state.stream = pipeline.stream;
      MR_TRY(const auto info, log->Stream({"", pipeline.stream}));
      state.committed = info.next;
      // Every change of a collection becomes one event of its stream.
      for (const auto& sum : sums) {
        if (sum.collection == pipeline.stream) {
          state.committed = std::max(state.committed, sum.changes);
        }
      }
      for (const auto& sink : pipeline.sinks) {
        const auto found = positions.find(sink.name);
        state.sinks.push_back(StateOf(sink, found == positions.end()
                                                ? std::nullopt
                                                : std::optional<Offset>(found->second)));
      }
      states.push_back(std::move(state));
    }
    return states;
  }

  DataDirectory directory_;
  telemetry::Logger logger_;
  std::unique_ptr<warehouse::CopyableWarehouse> warehouse_;
  std::unique_ptr<pipeline::StateDb> state_;
};

}  // namespace

Result<std::unique_ptr<DataAccess>> DataAccess::Open(const std::filesystem::path& data) {
  MR_CHECK_OK(CheckDataDirectory(data));
  const auto until = Deadline::After(kWaitForServer);
  for (;;) {
    auto server = ServerSocket::Connect(data, until);
    if (server) return std::make_unique<ServerAccess>(std::move(*server));
    auto directory = DataDirectory::Lock(data, false);
    if (directory) return FileAccess::Open(std::move(*directory));
    // Held, but not listening: a server that starts or stops.
    if (directory.error().code() != ErrorCode::kFenced || until.expired()) {
      return Fail(std::move(directory.error()));
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace millrace::app
