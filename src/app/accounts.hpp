#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "audit_log.hpp"
#include "base/result.hpp"
#include "cache/cache.hpp"
#include "gateway/access_control.hpp"
#include "http/router.hpp"
#include "project/project.hpp"
#include "records/record_store.hpp"
#include "runtime/blocking_pool.hpp"
#include "settings.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// Where the socket of commands takes actions.
inline constexpr const char* kAccountsPath = "/admin/accounts";

/// What accounts of a closed project stand on; all outlive them.
struct AccountsParts {
  const project::Project& project;
  const Settings& settings;
  records::RecordStore& records;
  telemetry::Logger& logger;
};

/// Users, sessions and keys of a closed project, in identity.db of its data directory.
class Accounts {
 public:
  static Result<std::unique_ptr<Accounts>> Open(const std::filesystem::path& data,
                                                AccountsParts parts);
  /// After the server: finishes what is under way.
  ~Accounts();

  /// The access rules, and who asks by token or key. Lives as long as this.
  const gateway::AccessControl& access() const;
  /// `/api/auth/…` and `/.well-known/…`; cache and pool outlive the server.
  void AddRoutes(http::Router& router, cache::Cache& cache, runtime::BlockingPool& pool);
  /// For the socket of commands: POST /admin/accounts?action=… with a JSON body.
  void AddAdminRoutes(http::Router& router, runtime::BlockingPool& pool);
  /// Where Administer and the reuse of refresh tokens are recorded from here on; null:
  /// nowhere. Before the first request.
  void set_audit(AuditLog* audit);
  /// As identity::AccountAdmin::Run; durable in the audit log, too, when it returns.
  Result<std::string> Administer(std::string_view action, std::string_view body);

 private:
  class Impl;
  explicit Accounts(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
