#include "sql/engine.hpp"

#include "engine_impl.hpp"
#include "error.hpp"
#include "key_hash.hpp"

namespace millrace::sql {
namespace {

struct ConfigCloser {
  void operator()(_duckdb_config* config) const { duckdb_destroy_config(&config); }
};
using Config = std::unique_ptr<_duckdb_config, ConfigCloser>;

Result<Config> MakeConfig(const EngineOptions& options) {
  duckdb_config handle = nullptr;
  if (duckdb_create_config(&handle) != DuckDBSuccess) {
    return Fail(ErrorCode::kInternal, "cannot make an engine configuration");
  }
  Config config(handle);
  const std::pair<const char*, std::string> settings[] = {
      {"access_mode", options.read_only ? "READ_ONLY" : "AUTOMATIC"},
      // Besides its callers' own: none. Session::Stream relies on it.
      {"threads", "1"},
      {"memory_limit", std::to_string(options.memory_limit) + "B"},
      {"temp_directory", options.temp_directory.string()},
      // Rows of a long insert go to the file by row group, not five of them in its
      // commit.
      {"write_buffer_row_group_count", "1"},
      {"checkpoint_threshold", std::to_string(options.checkpoint_wal) + "B"},
      {"preserve_insertion_order", "true"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_persistent_secrets", "false"},
  };
  for (const auto& [name, value] : settings) {
    if (duckdb_set_config(handle, name, value.c_str()) != DuckDBSuccess) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::string("engine setting ") + name + " cannot be '" + value + "'");
    }
  }
  return config;
}

/// Closes every way out of the database but the given folders, for good.
std::string LockText(const std::vector<std::filesystem::path>& directories) {
  std::string list;
  for (const auto& directory : directories) {
    if (!list.empty()) list += ", ";
    list += QuoteText(directory.string());
  }
  return "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL Calendar = 'gregorian';"
         // What the engine's allocator has freed goes back to the system, by a thread
         // that sleeps while there is nothing to give back.
         "SET GLOBAL allocator_background_threads = true;"
         "SET GLOBAL allowed_directories = [" +
         list +
         "];"
         "SET GLOBAL enable_external_access = false;"
         "SET GLOBAL lock_configuration = true;";
}

std::string Doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += c;
  }
  return out += quote;
}

}  // namespace

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  MR_TRY(const Config config, MakeConfig(options));
  auto impl = std::make_unique<Impl>();
  impl->memory_limit = options.memory_limit;
  const std::string path = options.database.string();
  char* message = nullptr;
  if (duckdb_open_ext(path.empty() ? nullptr : path.c_str(), &impl->database,
                      config.get(), &message) != DuckDBSuccess) {
    Error error = ToError(DUCKDB_ERROR_INVALID, message == nullptr ? "" : message);
    duckdb_free(message);
    return Fail(std::move(error).During("open the engine's database " + path));
  }
  impl->relations = std::make_shared<Relations>();
  std::unique_ptr<Engine> engine(new Engine(std::move(impl)));
  MR_TRY(const auto session, engine->Connect());
  MR_CHECK_OK(Relations::Register(session->impl().connection, engine->impl().relations));
  MR_CHECK_OK(RegisterKeyHash(session->impl().connection));
  MR_CHECK_OK(session->Run(LockText(options.directories)));
  return engine;
}

Result<std::unique_ptr<Session>> Engine::Connect() {
  auto session = std::make_unique<Session::Impl>();
  if (duckdb_connect(impl_->database, &session->connection) != DuckDBSuccess) {
    return Fail(ErrorCode::kUnavailable, "cannot connect to the engine");
  }
  duckdb_client_context context = nullptr;
  duckdb_connection_get_client_context(session->connection, &context);
  session->id = duckdb_client_context_get_connection_id(context);
  duckdb_destroy_client_context(&context);
  session->relations = impl_->relations;
  return std::make_unique<Session>(std::move(session));
}

Status Engine::Checkpoint() {
  MR_TRY(const auto session, Connect());
  return session->Run("CHECKPOINT");
}

std::string QuoteName(std::string_view name) { return Doubled(name, '"'); }
std::string QuoteText(std::string_view text) { return Doubled(text, '\''); }

}  // namespace millrace::sql
