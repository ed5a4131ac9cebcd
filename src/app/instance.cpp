#include "instance.hpp"

#include <utility>

#include "accounts.hpp"
#include "admin_routes.hpp"
#include "api_parts.hpp"
#include "audit_log.hpp"
#include "audited_letters.hpp"
#include "cache_embedded/memory_cache.hpp"
#include "capture/change_pump.hpp"
#include "change/complete_mark.hpp"
#include "codecs.hpp"
#include "cursor_key.hpp"
#include "descriptor_limit.hpp"
#include "gateway/audit_watch.hpp"
#include "gateway/collection_routes.hpp"
#include "gateway/docs_routes.hpp"
#include "gateway/door_gate.hpp"
#include "gateway/live_routes.hpp"
#include "gateway/openapi.hpp"
#include "gateway/record_routes.hpp"
#include "gateway/stream_routes.hpp"
#include "gateway/table_routes.hpp"
#include "http/server.hpp"
#include "offline_pipelines.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/pipelines.hpp"
#include "project/access.hpp"
#include "replay_job.hpp"
#include "replay_routes.hpp"
#include "runtime/blocking_pool.hpp"
#include "server_address.hpp"
#include "stores.hpp"
#include "stream_writers.hpp"
#include "version.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kPoolQueue = 256;
/// Of a stop's deadline: for closing rolls and stores after everything else.
constexpr std::chrono::milliseconds kForClosing{3'000};

}  // namespace

class Instance::Impl {
 public:
  Impl(project::Project project, Settings settings, telemetry::Logger& logger, Api api)
      : project_(std::move(project)),
        settings_(std::move(settings)),
        logger_(logger),
        api_(api) {}

  ~Impl() { Stop(Deadline::After(std::chrono::seconds(1))); }

  Status Start(const std::filesystem::path& data) {
    MR_CHECK_OK(project::CheckAccess(project_, settings_.http.address));
    RaiseDescriptorLimit();  // each stream of the log holds one
    MR_TRY(auto directory, DataDirectory::LockForServer(data));
    MR_TRY(stores_,
           Stores::Open(project_, settings_, std::move(directory), metrics_, store_log_));
    MR_CHECK_OK(RemoveShadows(*stores_));
    if (project_.closed()) {
      MR_TRY(accounts_,
             Accounts::Open(data, {project_, settings_, *stores_->records, logger_}));
    }
    MR_CHECK_OK(StartPipelines());
    return StartServer();
  }

  std::string url() const { return UrlOf(settings_.http.address, server_->port(0)); }
  records::RecordStore& records() { return *stores_->records; }

  bool Stop(Deadline deadline) {
    if (!stores_ || stopped_) return true;
    stopped_ = true;
    if (backup_) backup_->Stop();
    // From the request to the sinks: each stage first gets what the one before finished.
    const Deadline carry = Deadline::Before(deadline, kForClosing);
    bool clean = true;
    if (server_) clean = server_->Drain(carry);
    if (live_) live_->Stop();
    if (audit_) audit_->Stop();
    streams_.clear();  // what they were given is in the log then
    if (replay_) replay_->Stop();
    if (pump_) {
      clean = pump_->Drain(carry) && clean;
      pump_->Stop();
    }
    if (pipelines_) {
      clean = pipelines_->Finish(carry) && clean;
      clean = pipelines_->Stop(deadline) && clean;
    }
    server_.reset();
    return clean;
  }

  std::vector<gateway::Part> Parts() {
    std::vector<gateway::Part> parts;
    const auto health = stores_->records->Health();
    parts.push_back(
        {"records", health.has_value(), health ? "" : health.error().ToString()});
    const auto failed = stores_->log->Stats().failed_streams;
    parts.push_back({"log", failed == 0,
                     failed == 0 ? "" : "a write failed; restart to open it again"});
    if (audit_) {
      const auto ready = audit_->Ready();
      parts.push_back({"audit", ready.has_value(), ready ? "" : ready.error().message()});
    }
    const auto capture = pump_->status();
    parts.push_back({"capture", capture.state == "running", capture.reason});
    for (const auto& pipeline : pipelines_->status()) {
      for (const auto& sink : pipeline.sinks) {
        // A sink that retries is a warning: the log holds what waits.
        parts.push_back({"pipeline " + pipeline.name + "/" + sink.name,
                         sink.state != "stopped" && sink.state != "starting",
                         sink.reason});
      }
      for (const auto& sink : pipeline.redrives) {
        parts.push_back({"redrive " + pipeline.name + "/" + sink.name,
                         sink.state != "stopped", sink.reason});
      }
    }
    return parts;
  }

  Result<std::vector<PipelineState>> Pipelines() {
    MR_TRY(const auto waiting, CountUncaptured(*stores_->records, mark_.Get()));
    auto states = LoggedStates();
    for (auto& state : states) {
      const auto more = waiting.find(state.stream);
      if (more != waiting.end()) state.committed += more->second;
    }
    return states;
  }

  /// As if capture had brought everything.
  std::vector<PipelineState> LoggedStates() const {
    std::vector<PipelineState> states;
    for (const auto& status : pipelines_->status()) {
      PipelineState state;
      state.name = status.name;
      state.stream = status.stream;
      state.committed = status.end;
      for (const auto& sink : status.sinks) {
        state.sinks.push_back({sink.name, sink.state, sink.reason,
                               sink.position.value_or(0), sink.position.has_value(),
                               sink.dead_letters});
        const bool table = sink.name.starts_with("table.");
        if (sink.lag_count > 0 && (table || state.lag_p50_ms < 0)) {
          state.lag_p50_ms = sink.lag_p50_ms;
          state.lag_p99_ms = sink.lag_p99_ms;
        }
      }
      states.push_back(std::move(state));
    }
    return states;
  }

  Result<std::vector<StageCounts>> Stages() {
    MR_TRY(const auto sums, stores_->records->Sums());
    MR_TRY(const auto pipelines, Pipelines());
    std::vector<StageCounts> stages;
    for (const auto& [name, collection] : project_.collections) {
      StageCounts stage;
      stage.collection = name;
      for (const auto& sum : sums) {
        if (sum.collection == name) stage.changes = sum.changes;
      }
      MR_TRY(const auto info, stores_->log->Stream({"", name}));
      stage.logged = info.next;
      for (const auto& pipeline : pipelines) {
        if (pipeline.stream == name) AddSinks(pipeline, stage);
      }
      stages.push_back(std::move(stage));
    }
    return stages;
  }

 private:
  Status StartPipelines() {
    MR_TRY(pipelines_,
           MakePipelines(project_, settings_, *stores_, mark_, metrics_, pipeline_log_));
    pump_ = std::make_unique<capture::ChangePump>(*stores_->records, *stores_->log, mark_,
                                                  capture_log_);
    replay_ = std::make_unique<ReplayJob>(settings_, *stores_, mark_, *pipelines_,
                                          pipeline_log_);
    // Readers report where they are before the first append, so that retention knows
    // them.
    MR_CHECK_OK(pipelines_->Start(MakeSinkFactory(*stores_->sink_parts)));
    return pump_->Start();
  }

  void StartStreams() {
    stream_codecs_ = MakeStreamCodecs(project_);
    for (const auto& [name, stream] : project_.streams) {
      streams_[name] = {MakeStreamWriter(stream, *stream_codecs_.at(name),
                                         {*stores_->log, *stores_->records}, metrics_),
                        stream.raw, stream.built_in};
    }
    if (project_.audit.empty()) return;
    audit_ = std::make_unique<AuditLog>(*streams_.at(project_.audit).writer,
                                        SystemClock(), metrics_, audit_log_);
    if (accounts_) accounts_->set_audit(audit_.get());
  }

  TraceStores TraceParts() {
    return {stores_->directory.paths().root,
            *stores_->log,
            stores_->state.get(),
            *stores_->warehouse,
            *stores_->lake,
            *stores_->engine,
            [this]() -> Result<std::vector<PipelineState>> { return LoggedStates(); },
            [this] { return &project_; }};
  }

  std::unique_ptr<gateway::StreamRoutes> MakeStreamRoutes(
      const gateway::AccessControl* access, const std::string& cursor_key) {
    return std::make_unique<gateway::StreamRoutes>(
        streams_, *stores_->log, *pool_,
        gateway::StreamRouteOptions{settings_.http.body_limit.value,
                                    settings_.http.batch_max, access, cursor_key});
  }

  /// What is added to `router` from here on, where there is an audit log. `always`: who
  /// asks there.
  void WatchForAudit(http::Router& router, std::optional<gateway::AuditActor> always) {
    if (!audit_) return;
    const auto* access = Access();
    router.SetWrapper(gateway::WatchForAudit(
        {*audit_, codecs_, access != nullptr ? access->who : gateway::WhoAsks(),
         project_.door.trusted_proxies, CursorKey(stores_->directory.paths()),
         std::move(always)}));
  }

  /// Null: everybody may do everything.
  const gateway::AccessControl* Access() const {
    return accounts_ ? &accounts_->access() : nullptr;
  }

  void AddPublicListener(http::ServerOptions& options) {
    auto& open = options.listeners.emplace_back();
    open.address = settings_.http.address;
    open.port = static_cast<std::uint16_t>(settings_.http.port);
    open.router.SetGate(
        gateway::MakeDoorGate(project_.door, *cache_, metrics_,
                              Access() != nullptr ? Access()->who : gateway::WhoAsks()));
    WatchForAudit(open.router, {});
    records_->AddTo(open.router);
    live_routes_->AddTo(open.router);
    collections_->AddTo(open.router);
    if (accounts_) accounts_->AddRoutes(open.router, *cache_, *pool_);
    public_streams_->AddTo(open.router);
    tables_->AddTo(open.router);
    ops_->AddTo(open.router);
    ops_->AddHealthTo(open.router);
    if (!settings_.http.docs) return;
    docs_ = std::make_unique<gateway::DocsRoutes>(
        gateway::OpenApiDocument(ApiPartsOf(project_)), project_.name);
    docs_->AddTo(open.router);
  }

  void AddHealthListener(http::ServerOptions& options) {
    auto& open = options.listeners.emplace_back();
    open.address = settings_.identity.address;
    open.port = static_cast<std::uint16_t>(*settings_.identity.health_port);
    ops_->AddTo(open.router);
    ops_->AddHealthTo(open.router);
  }

  Status StartServer() {
    StartStreams();
    pool_ =
        std::make_unique<runtime::BlockingPool>(settings_.http.read_threads, kPoolQueue);
    codecs_ = MakeCodecs(project_);
    const auto cursor_key = CursorKey(stores_->directory.paths());
    records_ = std::make_unique<gateway::RecordRoutes>(
        *stores_->records, codecs_, *pool_,
        gateway::RecordRouteOptions{settings_.http.body_limit.value,
                                    settings_.http.batch_max, Access(), cursor_key});
    live_ = std::make_unique<live::Hub>(live::HubParts{
        *stores_->records, *stores_->records, *stores_->log, mark_, live_log_, metrics_});
    live_routes_ = std::make_unique<gateway::LiveRoutes>(
        *live_, codecs_,
        gateway::LiveRouteOptions{settings_.live.buffer.value, settings_.live.heartbeat,
                                  Access()});
    collections_ = std::make_unique<gateway::CollectionRoutes>(codecs_, Access());
    tables_ = std::make_unique<gateway::TableRoutes>(
        *stores_->warehouse, *pool_, gateway::TableRouteOptions{Access(), cursor_key});
    public_streams_ = MakeStreamRoutes(Access(), cursor_key);
    operator_streams_ = MakeStreamRoutes(nullptr, cursor_key);
    ops_ = std::make_unique<gateway::OpsRoutes>(
        metrics_, [this] { return Parts(); },
        std::string(R"({"version":")") + kVersion + "\"}");
    backup_ = std::make_unique<BackupJob>(BackupSource{stores_->directory.paths(),
                                                       *stores_->warehouse, *stores_->log,
                                                       stores_->records.get()});
    letters_ = std::make_unique<OwnLetterWorks>(*pipelines_);
    audited_letters_ = std::make_unique<AuditedLetters>(*letters_, audit_.get());
    admin_ = std::make_unique<AdminRoutes>(
        *stores_->warehouse, *stores_->state, *backup_, *pool_,
        [this] { return Pipelines(); }, TraceParts(), *audited_letters_, metrics_);
    process_metrics_ = telemetry::AddProcessMetrics(metrics_);

    http::ServerOptions options;
    options.gzip = settings_.http.gzip;
    options.limits.idle_timeout = settings_.http.idle_timeout;
    options.limits.connections = settings_.http.connections;
    if (api_ == Api::kPublic) AddPublicListener(options);
    if (api_ == Api::kLocal && settings_.identity.health_port) AddHealthListener(options);
    auto& local = options.listeners.emplace_back();
    local.unix_socket = stores_->directory.paths().socket();
    WatchForAudit(local.router, gateway::Operator());
    admin_->AddTo(local.router, audit_.get());
    AddReplayRoutes(local.router, *replay_, *pool_, audit_.get());
    operator_streams_->AddTo(local.router);
    if (accounts_) accounts_->AddAdminRoutes(local.router, *pool_);
    auto server = http::Server::Start(std::move(options), metrics_, http_log_);
    if (!server) return Fail(std::move(server.error()).During("listen"));
    server_ = std::move(*server);
    if (settings_.identity.health_port && api_ == Api::kLocal) {
      logger_.Info("health is answered",
                   {{"url", UrlOf(settings_.identity.address, server_->port(0))}});
    }
    return {};
  }

  const project::Project project_;
  const Settings settings_;
  telemetry::Logger& logger_;
  telemetry::Logger store_log_{logger_, "stores"}, capture_log_{logger_, "capture"},
      pipeline_log_{logger_, "pipelines"}, live_log_{logger_, "live"},
      http_log_{logger_, "http"}, audit_log_{logger_, "audit"};
  const Api api_;
  telemetry::Registry metrics_;
  // Before the stores: what they answer as they close is still told to it.
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Stores> stores_;
  // What waits in the accounts counts there.
  const std::unique_ptr<cache::Cache> cache_ = cache::MakeMemoryCache();
  std::unique_ptr<Accounts> accounts_;
  change::CompleteMark mark_;
  std::unique_ptr<pipeline::Pipelines> pipelines_;
  std::unique_ptr<capture::ChangePump> pump_;
  std::unique_ptr<ReplayJob> replay_;
  gateway::Codecs codecs_, stream_codecs_;
  gateway::Streams streams_;
  std::unique_ptr<runtime::BlockingPool> pool_;
  std::unique_ptr<gateway::RecordRoutes> records_;
  std::unique_ptr<live::Hub> live_;
  std::unique_ptr<gateway::LiveRoutes> live_routes_;
  std::unique_ptr<gateway::CollectionRoutes> collections_;
  std::unique_ptr<gateway::StreamRoutes> public_streams_, operator_streams_;
  std::unique_ptr<gateway::TableRoutes> tables_;
  std::unique_ptr<gateway::OpsRoutes> ops_;
  std::unique_ptr<gateway::DocsRoutes> docs_;
  std::unique_ptr<BackupJob> backup_;
  std::unique_ptr<OwnLetterWorks> letters_;
  std::unique_ptr<AuditedLetters> audited_letters_;
  std::unique_ptr<AdminRoutes> admin_;
  std::vector<telemetry::CallbackHandle> process_metrics_;
  std::unique_ptr<http::Server> server_;
  bool stopped_ = false;
};

Instance::Instance(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Instance::~Instance() = default;

Result<std::unique_ptr<Instance>> Instance::Start(project::Project project,
                                                  Settings settings,
                                                  const std::filesystem::path& data,
                                                  telemetry::Logger& logger, Api api) {
  auto impl =
      std::make_unique<Impl>(std::move(project), std::move(settings), logger, api);
  MR_CHECK_OK(impl->Start(data));
  return std::unique_ptr<Instance>(new Instance(std::move(impl)));
}

std::string Instance::url() const { return impl_->url(); }
records::RecordStore& Instance::records() { return impl_->records(); }
bool Instance::Stop(Deadline deadline) { return impl_->Stop(deadline); }
std::vector<gateway::Part> Instance::Parts() { return impl_->Parts(); }
Result<std::vector<PipelineState>> Instance::Pipelines() { return impl_->Pipelines(); }
Result<std::vector<StageCounts>> Instance::Stages() { return impl_->Stages(); }

}  // namespace millrace::app
