#include "identity_role.hpp"

#include <utility>

#include "identity/credentials.hpp"
#include "identity/messages.hpp"
#include "identity/users.hpp"
#include "rpc/server.hpp"

namespace millrace::app {

class IdentityRole::Impl {
 public:
  explicit Impl(telemetry::Logger& logger) : logger_(logger), log_(logger, "identity") {}

  Status Start(project::Project project, const Settings& settings,
               const std::filesystem::path& data) {
    identity::UsersOptions options;
    options.collection = project.collections.at("users");
    options.token_lifetime = std::chrono::duration_cast<std::chrono::seconds>(
        settings.identity.jwt_expiration);
    options.hash_threads = settings.identity.hash_threads;
    options.hash_queue = settings.identity.hash_queue;
    MR_TRY(instance_, Instance::Start(std::move(project), settings, data, logger_,
                                      Instance::Api::kLocal));
    MR_TRY(db_, identity::IdentityDb::Open(data));
    credentials_ = std::make_unique<identity::Credentials>(*db_, SystemClock());
    token_secret_ = settings.identity.jwt_secret.value;
    if (token_secret_.empty()) {
      MR_TRY(token_secret_, credentials_->SigningSecret());
    }
    options.token_secret = token_secret_;
    MR_TRY(users_, identity::Users::Open(instance_->records(), *credentials_,
                                         std::move(options), log_));
    rpc::ServerOptions listen;
    listen.address = settings.identity.address;
    listen.port = static_cast<std::uint16_t>(settings.identity.port);
    listen.service_token = settings.identity.service_token.value;
    MR_TRY(server_,
           rpc::Server::Start(listen, identity::MessageHandlers(*users_, log_), log_));
    return {};
  }

  bool Stop(Deadline deadline) {
    const bool clean = !server_ || server_->Drain(deadline);
    server_.reset();
    users_.reset();
    return instance_->Stop(deadline) && clean;
  }

  std::uint16_t port() const { return server_->port(); }
  const std::string& token_secret() const { return token_secret_; }
  Instance& instance() { return *instance_; }

 private:
  telemetry::Logger& logger_;
  telemetry::Logger log_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<identity::IdentityDb> db_;
  std::unique_ptr<identity::Credentials> credentials_;
  std::string token_secret_;
  std::unique_ptr<identity::Users> users_;
  std::unique_ptr<rpc::Server> server_;
};

IdentityRole::IdentityRole(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IdentityRole::~IdentityRole() = default;

Result<std::unique_ptr<IdentityRole>> IdentityRole::Start(
    project::Project project, const Settings& settings, const std::filesystem::path& data,
    telemetry::Logger& logger) {
  auto impl = std::make_unique<Impl>(logger);
  MR_CHECK_OK(impl->Start(std::move(project), settings, data));
  return std::unique_ptr<IdentityRole>(new IdentityRole(std::move(impl)));
}

std::uint16_t IdentityRole::port() const { return impl_->port(); }
const std::string& IdentityRole::token_secret() const { return impl_->token_secret(); }
Instance& IdentityRole::instance() { return impl_->instance(); }
bool IdentityRole::Stop(Deadline deadline) { return impl_->Stop(deadline); }

}  // namespace millrace::app
