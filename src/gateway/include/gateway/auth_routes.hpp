#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cache/cache.hpp"
#include "gateway/access_control.hpp"
#include "http/router.hpp"
#include "identity/accounts.hpp"
#include "identity/introspection.hpp"
#include "identity/signing_keys.hpp"
#include "project/door.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::gateway {

struct AuthRouteOptions {
  bool sign_up = true;                       ///< false: 403; operators make users
  std::uint32_t account_failures = 10;       ///< of one address with one account
  std::uint32_t address_failures = 100;      ///< of one address
  std::uint32_t sign_ups = 60;               ///< of one address
  std::chrono::milliseconds window{60'000};  ///< in which those are counted
  std::vector<project::Network> trusted_proxies;
};

/// What the routes ask; all outlive the server.
struct AuthParts {
  identity::Accounts& accounts;
  const identity::SigningKeys& keys;
  identity::TokenStores tokens;
  WhoAsks who;
  cache::Cache& cache;
  runtime::BlockingPool& pool;  ///< for what asks the database of tokens
};

/// Users and sessions of a closed project; bodies and answers as identity::Accounts has
/// them, errors as problem+json.
///
///   POST   /api/auth/sign-up         201 grant; 400 403 409 429 503
///   POST   /api/auth/login           200 grant; 400 401 403 429 503
///   POST   /api/auth/refresh         200 grant; 400 401
///   POST   /api/auth/logout          204; 401: ends the session of the token
///   GET    /api/auth/me              200 user object; 401
///   POST   /api/auth/password        204; 400 401 429
///   GET    /api/auth/sessions        200 {"items"}; 401
///   DELETE /api/auth/sessions/{id}   204; 401 404
///   POST   /api/auth/introspect      200 as RFC 7662, for API keys and the role admin;
///                                    401 403
///   POST   /api/auth/revoke          200 as RFC 7009
///   GET    /.well-known/jwks.json, /.well-known/openid-configuration
class AuthRoutes {
 public:
  AuthRoutes(AuthParts parts, AuthRouteOptions options);
  ~AuthRoutes();
  void AddTo(http::Router& router);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::gateway
