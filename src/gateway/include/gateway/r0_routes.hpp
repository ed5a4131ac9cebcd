#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "cache/cache.hpp"
#include "http/router.hpp"
#include "rpc/client.hpp"
#include "telemetry/log.hpp"

namespace millrace::gateway {

struct R0Options {
  std::string token_secret;
  /// For one request, all its messages together. Less than 5 s, so that the answer is out
  /// within them.
  std::chrono::milliseconds timeout{4'700};
  /// Calls of one address to one route in `throttle_ttl`; more are refused for as long.
  std::uint64_t throttle_limit = 10;
  std::chrono::milliseconds throttle_ttl{60'000};
  const Clock* clock = &SystemClock();
};

/// The routes of R0's gateway, each with and without `/api` before it:
///
///   POST /auth/register   201 user object; 400, 409
///   POST /auth/login      200 {accessToken, user}; 400, 401, 404
///   GET  /auth/users      200 array of user objects; 401
///   GET  /auth/me         200 user object of the token; 401
///   GET  /health          200 or 503 with the state of gateway and identity service
///
/// Knows no user itself: everything is asked of the identity service. Every error is
/// {"statusCode","message","error","timestamp","path"}; `message` is an array where a
/// body breaks rules. The service not there is 503, without an answer in time 500. Too
/// many calls are 429 with Retry-After. What a token may see is kept for it alone: the
/// list 30 s (a new user ends that), `me` 5 s; X-Cache says so. Logs a line a request.
class R0Routes {
 public:
  /// All outlive the server. `cache` has the counts of calls, and answers for a moment.
  R0Routes(rpc::Client& identity, cache::Cache& cache, R0Options options,
           telemetry::Logger& log);
  ~R0Routes();
  /// Also sets the form of what the server itself refuses.
  void AddTo(http::Router& router);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::gateway
