#include "accounts.hpp"

#include <optional>
#include <utility>

#include "admin_handler.hpp"
#include "audited.hpp"
#include "gateway/auth_routes.hpp"
#include "gateway/credential.hpp"
#include "identity/account_admin.hpp"
#include "identity/authenticator.hpp"
#include "identity/identity_db.hpp"

namespace millrace::app {
namespace {

std::int64_t SecondsOf(std::chrono::milliseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

}  // namespace

class Accounts::Impl {
 public:
  explicit Impl(AccountsParts parts) : parts_(parts) {}

  Status Open(const std::filesystem::path& data) {
    const auto& clock = SystemClock();
    const auto& settings = parts_.settings.identity;
    const auto token_lifetime = SecondsOf(settings.access_token);
    MR_TRY(db_, identity::IdentityDb::Open(data));
    credentials_.emplace(*db_, clock);
    MR_TRY(sessions_, identity::Sessions::Open(
                          *db_, clock,
                          {SecondsOf(settings.session), token_lifetime,
                           [this](const auto&... reuse) { RecordReuse(reuse...); }}));
    MR_TRY(signing_, identity::SigningKeys::Open(*db_, clock, token_lifetime));
    tokens_.emplace(*signing_, clock, TokenOptions(token_lifetime));
    MR_TRY(keys_, identity::ApiKeys::Open(*db_, clock));
    authenticator_.emplace(*tokens_, *sessions_, *keys_, Stores().exists, clock);
    const auto& users = parts_.project.collections.at("users");
    const identity::AccountParts parts{parts_.records, *credentials_, *sessions_,
                                       *tokens_, parts_.logger};
    identity::AccountOptions options;
    options.collection = users;
    options.hash_threads = settings.hash_threads;
    options.hash_queue = settings.hash_queue;
    MR_TRY(accounts_, identity::Accounts::Open(parts, std::move(options)));
    admin_.emplace(parts, Stores(), *keys_, *signing_, users);
    access_ = gateway::RulesOf(parts_.project);
    access_.who = [this](const http::Request& request) { return Who(request); };
    return {};
  }

  const gateway::AccessControl& access() const { return access_; }

  void AddRoutes(http::Router& router, cache::Cache& cache, runtime::BlockingPool& pool) {
    const auto& settings = parts_.settings.identity;
    gateway::AuthRouteOptions options;
    options.sign_up = settings.sign_up == "open";
    options.account_failures = settings.account_failures;
    options.address_failures = settings.address_failures;
    options.sign_ups = settings.sign_ups;
    options.window = settings.failure_window;
    options.trusted_proxies = parts_.project.door.trusted_proxies;
    gateway::AuthRoutes({*accounts_, *signing_, Stores(), access_.who, cache, pool},
                        std::move(options))
        .AddTo(router);
  }

  void set_audit(AuditLog* audit) { audit_ = audit; }

  Result<std::string> Administer(std::string_view action, std::string_view body) {
    return Audited(audit_, AdminEventOf(action),
                   [&](gateway::AuditEvent& event) -> Result<std::string> {
                     MR_TRY(auto answer, admin_->Run(action, body));
                     Complete(event, body, answer);
                     return answer;
                   });
  }

 private:
  identity::AccessTokenOptions TokenOptions(std::int64_t lifetime) const {
    const auto& settings = parts_.settings.identity;
    const auto& name = parts_.project.name;
    return {settings.issuer.empty() ? "urn:millrace:" + name : settings.issuer,
            settings.audience.empty() ? name : settings.audience, lifetime};
  }

  identity::TokenStores Stores() {
    return {*tokens_, *sessions_, *keys_,
            [&records = parts_.records](const std::string& id) {
              return identity::HasUser(records, id);
            }};
  }

  void RecordReuse(const std::string& session_id, const std::string& user_id,
                   const identity::Client& client) {
    if (audit_ == nullptr) return;
    gateway::AuditEvent event;
    event.action = gateway::AuditAction::kRefreshReuse;
    event.result = gateway::AuditResult::kRefused;
    event.actor.kind = "user";
    event.actor.id = user_id;
    event.resource = "sessions";
    event.resource_id = session_id;
    event.address = event.client = client.address;
    audit_->Record(std::move(event), gateway::AuditWhen::kSoon, [](const Status&) {});
  }

  Result<query::Principal> Who(const http::Request& request) {
    MR_TRY(const auto credential, gateway::CredentialOf(request));
    if (credential.empty()) return query::Principal{};
    return authenticator_->Check(credential);
  }

  const AccountsParts parts_;
  AuditLog* audit_ = nullptr;
  std::unique_ptr<identity::IdentityDb> db_;
  std::optional<identity::Credentials> credentials_;
  std::unique_ptr<identity::Sessions> sessions_;
  std::unique_ptr<identity::SigningKeys> signing_;
  std::optional<identity::AccessTokens> tokens_;
  std::unique_ptr<identity::ApiKeys> keys_;
  std::optional<identity::Authenticator> authenticator_;
  std::unique_ptr<identity::Accounts> accounts_;
  std::optional<identity::AccountAdmin> admin_;
  gateway::AccessControl access_;
};

Accounts::Accounts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Accounts::~Accounts() = default;

Result<std::unique_ptr<Accounts>> Accounts::Open(const std::filesystem::path& data,
                                                 AccountsParts parts) {
  auto impl = std::make_unique<Impl>(parts);
  if (auto opened = impl->Open(data); !opened)
    return Fail(std::move(opened.error()).During("open the accounts"));
  return std::unique_ptr<Accounts>(new Accounts(std::move(impl)));
}

const gateway::AccessControl& Accounts::access() const { return impl_->access(); }
void Accounts::AddRoutes(http::Router& router, cache::Cache& cache,
                         runtime::BlockingPool& pool) {
  impl_->AddRoutes(router, cache, pool);
}

void Accounts::set_audit(AuditLog* audit) { impl_->set_audit(audit); }

void Accounts::AddAdminRoutes(http::Router& router, runtime::BlockingPool& pool) {
  router.Add(
      http::Method::kPost, kAccountsPath,
      OnPool(pool,
             [this](const auto& parameters, const auto& body) -> Result<http::Response> {
               MR_TRY(auto json, Administer(ValueOf(parameters, "action"), body));
               return JsonResponse(std::move(json));
             }));
}
Result<std::string> Accounts::Administer(std::string_view action, std::string_view body) {
  return impl_->Administer(action, body);
}

}  // namespace millrace::app
