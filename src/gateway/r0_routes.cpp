#include "gateway/r0_routes.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "gateway/credential.hpp"
#include "health.hpp"
#include "identity/messages.hpp"
#include "identity/sign_up.hpp"
#include "identity/token.hpp"
#include "r0_exchange.hpp"

namespace millrace::gateway {
namespace {

constexpr std::uint64_t kBodyLimit = 100u << 10u;
constexpr std::chrono::milliseconds kHealthTimeout{1'000};
constexpr std::string_view kHealth = "/health";  ///< not counted: probes ask often
constexpr std::chrono::seconds kKeepAnswers{5};
constexpr std::chrono::seconds kKeepLists{30};

std::string UserIdMessage(std::string_view id) {
  std::string json = "{";
  AppendMember(json, "userId", id);
  return json += '}';
}

}  // namespace

class R0Routes::Impl {
 public:
  Impl(rpc::Client& identity, cache::Cache& cache, R0Options options,
       telemetry::Logger& log)
      : identity_(identity), cache_(cache), options_(std::move(options)), log_(log) {}

  void AddTo(http::Router& router) {
    using http::Method;
    for (const std::string prefix : {"", "/api"}) {
      const auto add = [&](Method method, std::string_view name, Handle handle) {
        Add(router, method, prefix, name, handle);
      };
      add(Method::kPost, "/auth/register", &Impl::Register);
      add(Method::kPost, "/auth/login", &Impl::Login);
      add(Method::kGet, "/auth/users", &Impl::List);
      add(Method::kGet, "/auth/me", &Impl::Me);
      add(Method::kGet, kHealth, &Impl::Health);
    }
    router.SetRefusalWriter(WriteRefusal);
  }

 private:
  using Handle = void (Impl::*)(const http::Request&, R0Exchange);
  using Admitted =
      std::move_only_function<void(R0Exchange, std::string user, const std::string& id)>;
  using Answered = std::move_only_function<void(R0Exchange, std::string json)>;

  void Add(http::Router& router, http::Method method, const std::string& prefix,
           std::string_view name, Handle handle) {
    router.Add(
        method, prefix + std::string(name),
        [this, name, handle](const http::Request& request, http::Responder responder) {
          R0Exchange exchange(request, std::move(responder), log_);
          if (name == kHealth || Admit(name, request.peer, exchange))
            (this->*handle)(request, std::move(exchange));
        },
        {kBodyLimit});
  }

  /// Counts the call, before anything else is looked at; false after refusing it.
  bool Admit(std::string_view name, std::string_view peer, R0Exchange& exchange) {
    const auto taken = cache_.Take(
        "throttle " + std::string(name) + ' ' + std::string(peer),
        {options_.throttle_limit, options_.throttle_ttl, options_.throttle_ttl});
    if (!taken) return true;  // what cannot be counted is let in
    if (!taken->allowed) {
      constexpr int kTooMany = 429;
      exchange.AddHeader("Retry-After", Seconds(taken->retry_after));
      exchange.Refuse(kTooMany, "ThrottlerException: Too Many Requests");
      return false;
    }
    exchange.AddHeader("X-RateLimit-Limit", std::to_string(options_.throttle_limit));
    exchange.AddHeader("X-RateLimit-Remaining", std::to_string(taken->remaining));
    exchange.AddHeader("X-RateLimit-Reset", Seconds(taken->reset));
    return true;
  }

  static std::string Seconds(cache::Lifetime time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
  }

  /// Sends what is kept under the key; false where nothing is.
  bool SendKept(const std::string& key, R0Exchange& exchange) {
    auto kept = cache_.Get(key);
    const bool hit = kept && *kept;
    exchange.AddHeader("X-Cache", hit ? "HIT" : "MISS");
    if (hit) exchange.Send(200, std::move(**kept));
    return hit;
  }

  /// Without the cache it is slower, not wrong.
  void Keep(const std::string& key, std::string_view json, cache::Lifetime lifetime) {
    static_cast<void>(cache_.Put(key, json, lifetime));
  }

  Deadline NewDeadline() const { return Deadline::After(options_.timeout); }

  /// `then` gets what the identity service answered; its errors are answered here.
  void Ask(std::string_view message, std::string_view data, Deadline deadline,
           R0Exchange exchange, Answered then) {
    identity_.Call(rpc::CommandPattern(message), data, deadline,
                   [exchange = std::move(exchange),
                    then = std::move(then)](Result<rpc::Answer> answer) mutable {
                     if (!answer || answer->failed) return exchange.RefuseAnswer(answer);
                     then(std::move(exchange), std::move(answer->json));
                   });
  }

  void Register(const http::Request& request, R0Exchange exchange) {
    const auto input = identity::ReadSignUp(request.body);
    if (!input) return exchange.RefuseBody(input.error());
    Ask(identity::kRegister, ToJson(*input), NewDeadline(), std::move(exchange),
        [this](R0Exchange kept, std::string user) {
          ++list_generation_;  // lists that are kept lack this one
          kept.Send(201, std::move(user));
        });
  }

  void Login(const http::Request& request, R0Exchange exchange) {
    const auto input = identity::ReadLogIn(request.body);
    if (!input) return exchange.RefuseBody(input.error());
    Ask(identity::kLogin, ToJson(*input), NewDeadline(), std::move(exchange),
        [](R0Exchange kept, std::string login) { kept.Send(200, std::move(login)); });
  }

  /// `then` gets the user object of the request's token, and the id in it.
  void Guard(const http::Request& request, Deadline deadline, R0Exchange exchange,
             Admitted then) {
    constexpr std::int64_t kMicros = 1'000'000;
    const auto token = BearerToken(request);
    if (!token) return exchange.Refuse(401, "No auth token");
    const auto claims = identity::VerifyToken(*token, options_.token_secret,
                                              options_.clock->Now() / kMicros);
    if (!claims) return exchange.Refuse(401, claims.error().message());
    Ask(identity::kValidateUser, UserIdMessage(claims->sub), deadline,
        std::move(exchange),
        [then = std::move(then), id = claims->sub](R0Exchange kept,
                                                   std::string user) mutable {
          if (user == "null") return kept.Refuse(401, "User not found or token invalid");
          then(std::move(kept), std::move(user), id);
        });
  }

  void Me(const http::Request& request, R0Exchange exchange) {
    Guard(request, NewDeadline(), std::move(exchange),
          [this](R0Exchange kept, std::string user, const std::string& id) {
            const auto key = "answer " + id + ' ' + kept.url();
            if (SendKept(key, kept)) return;
            Keep(key, user, kKeepAnswers);
            kept.Send(200, std::move(user));
          });
  }

  void List(const http::Request& request, R0Exchange exchange) {
    const auto deadline = NewDeadline();
    Guard(request, deadline, std::move(exchange),
          [this, deadline](R0Exchange kept, const std::string&, const std::string& id) {
            const auto key = "list " + std::to_string(list_generation_.load()) + ' ' +
                             id + ' ' + kept.url();
            if (SendKept(key, kept)) return;
            Ask(identity::kGetUsers, "{}", deadline, std::move(kept),
                [this, key](R0Exchange last, std::string users) {
                  Keep(key, users, kKeepLists);
                  last.Send(200, std::move(users));
                });
          });
  }

  /// The identity service is up when it answers; this gateway is, since it asks.
  void Health(const http::Request&, R0Exchange exchange) {
    identity_.Call(
        rpc::CommandPattern(identity::kValidateUser), UserIdMessage(""),
        Deadline::After(kHealthTimeout),
        [exchange = std::move(exchange)](const Result<rpc::Answer>& answer) mutable {
          std::string problem;
          if (!answer) problem = answer.error().message();
          if (answer && answer->failed) problem = "it answers with an error";
          const Part parts[] = {{"gateway-http", true, ""},
                                {"auth-microservice-tcp", problem.empty(), problem}};
          auto response = HealthResponse(parts);
          exchange.Send(response.status, std::move(response.body));
        });
  }

  /// As Express words it; a path with another method is no route there.
  static http::Response WriteRefusal(const http::Refused& refused) {
    constexpr int kNoRoute = 405;
    std::string url(refused.path);
    if (!refused.query.empty()) url.append("?").append(refused.query);
    std::string message;
    if (refused.status != 404 && refused.status != kNoRoute) {
      AppendJsonString(message, refused.detail);
      return R0Error(refused.status, message, url);
    }
    AppendJsonString(message,
                     "Cannot " + std::string(ToString(refused.method)) + ' ' + url);
    return R0Error(404, message, url);
  }

  rpc::Client& identity_;
  cache::Cache& cache_;
  const R0Options options_;
  std::atomic<std::uint64_t> list_generation_{0};
  telemetry::Logger& log_;
};

R0Routes::R0Routes(rpc::Client& identity, cache::Cache& cache, R0Options options,
                   telemetry::Logger& log)
    : impl_(std::make_unique<Impl>(identity, cache, std::move(options), log)) {}
R0Routes::~R0Routes() = default;

void R0Routes::AddTo(http::Router& router) { impl_->AddTo(router); }

}  // namespace millrace::gateway
