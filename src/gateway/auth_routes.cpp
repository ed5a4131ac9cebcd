#include "gateway/auth_routes.hpp"

#include <utility>

#include "base/json_member.hpp"
#include "client_address.hpp"
#include "http/problem.hpp"
#include "http/query.hpp"
#include "login_limits.hpp"
#include "schema/record_codec.hpp"

namespace millrace::gateway {
namespace {

constexpr std::uint64_t kBodyLimit = 64u << 10u;
constexpr std::string_view kForm = "application/x-www-form-urlencoded";

/// A request whose answer comes later.
class Exchange {
 public:
  Exchange(const http::Request& request, http::Responder responder)
      : responder_(std::move(responder)),
        path_(request.path),
        request_id_(request.request_id) {}

  void Send(int status, std::string json) {
    http::Response response;
    response.status = status;
    if (status != 204) response.body = std::move(json);
    // Tokens and what they open are nobody else's.
    response.headers.emplace_back("Cache-Control", "no-store");
    responder_.Send(std::move(response));
  }
  void Refuse(const Error& error) {
    responder_.Send(http::Problem(error, path_, request_id_));
  }
  /// Of a password or refresh token: no access token was looked at.
  void RefuseSecret(const Error& error) {
    auto response = http::Problem(error, path_, request_id_);
    for (auto& [name, value] : response.headers) {
      if (name == "WWW-Authenticate") value = "Bearer";
    }
    responder_.Send(std::move(response));
  }
  void RefuseFor(cache::Lifetime wait) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    auto response = http::ProblemOf(
        429, "rate_limited", "too many tries; again in " + std::to_string(seconds) + " s",
        path_, request_id_);
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
    responder_.Send(std::move(response));
  }

 private:
  http::Responder responder_;
  std::string path_, request_id_;
};

/// Answers with what an account call ends with.
identity::Done Answer(Exchange exchange, int status) {
  return [exchange = std::move(exchange), status](Result<std::string> json) mutable {
    if (json) return exchange.Send(status, std::move(*json));
    exchange.Refuse(json.error());
  };
}

/// The `token` of a body: a form, as the RFCs have it, or JSON.
Result<std::string> TokenOf(const http::Request& request) {
  if (request.Header("content-type").starts_with(kForm)) {
    MR_TRY(const auto form, http::ParseQuery(request.body));
    for (const auto& one : form) {
      if (one.name == "token" && !one.value.empty()) return one.value;
    }
  } else if (const auto document = schema::MinifyJson(request.body)) {
    auto token = schema::TextOf(schema::FindMember(*document, "token"));
    if (!token.empty()) return token;
  }
  return Fail(Error(ErrorCode::kInvalidArgument, "the body cannot be used",
                    {{"/token", "is required"}}));
}

}  // namespace

class AuthRoutes::Impl : public std::enable_shared_from_this<AuthRoutes::Impl> {
 public:
  Impl(AuthParts parts, AuthRouteOptions options)
      : parts_(std::move(parts)),
        options_(std::move(options)),
        limits_(parts_.cache, {options_.account_failures, options_.address_failures,
                               options_.sign_ups, options_.window}) {}

  void AddTo(http::Router& router) {
    using http::Method;
    Add(router, Method::kPost, "/api/auth/sign-up", &Impl::SignUp);
    Add(router, Method::kPost, "/api/auth/login", &Impl::LogIn);
    Add(router, Method::kPost, "/api/auth/refresh", &Impl::Refresh);
    Add(router, Method::kPost, "/api/auth/logout", &Impl::LogOut);
    Add(router, Method::kGet, "/api/auth/me", &Impl::Me);
    Add(router, Method::kPost, "/api/auth/password", &Impl::ChangePassword);
    Add(router, Method::kGet, "/api/auth/sessions", &Impl::ListSessions);
    Add(router, Method::kDelete, "/api/auth/sessions/{id}", &Impl::EndSession);
    Add(router, Method::kPost, "/api/auth/introspect", &Impl::Introspect);
    Add(router, Method::kPost, "/api/auth/revoke", &Impl::Revoke);
    Add(router, Method::kGet, "/.well-known/jwks.json", &Impl::Jwks);
    Add(router, Method::kGet, "/.well-known/openid-configuration", &Impl::Discovery);
  }

 private:
  using Handle = void (Impl::*)(const http::Request&, Exchange);

  void Add(http::Router& router, http::Method method, std::string pattern,
           Handle handle) {
    router.Add(method, std::move(pattern),
               [self = shared_from_this(), handle](const http::Request& request,
                                                   http::Responder responder) {
                 ((*self).*handle)(request, Exchange(request, std::move(responder)));
               },
               {kBodyLimit});
  }

  identity::Client ClientOf(const http::Request& request) const {
    return {AddressText(ClientAddress(request, options_.trusted_proxies)),
            std::string(request.Header("user-agent"))};
  }

  /// Somebody; otherwise the refusal is sent.
  std::optional<query::Principal> Known(const http::Request& request,
                                        Exchange& exchange) const {
    auto who = parts_.who(request);
    if (who && who->authenticated) return std::move(*who);
    exchange.Refuse(who ? Error(ErrorCode::kUnauthenticated,
                                "this needs an access token or an API key")
                        : who.error());
    return std::nullopt;
  }

  void SignUp(const http::Request& request, Exchange exchange) {
    if (!options_.sign_up)
      return exchange.Refuse({ErrorCode::kPermissionDenied, "nobody can sign up here"});
    const auto client = ClientKey(request, options_.trusted_proxies);
    if (const auto wait = limits_.SignUp(client)) return exchange.RefuseFor(*wait);
    parts_.accounts.SignUp(request.body, ClientOf(request),
                           Answer(std::move(exchange), 201));
  }

  /// Answers what a password was tried for, and gives back tries that did not fail.
  identity::Done AnswerTry(Exchange exchange, int status, std::string account,
                           std::string client) {
    return [self = shared_from_this(), exchange = std::move(exchange), status,
            account = std::move(account),
            client = std::move(client)](Result<std::string> json) mutable {
      const bool wrong = !json && json.error().code() == ErrorCode::kUnauthenticated;
      if (!wrong) self->limits_.GiveBack(account, client);
      if (json) return exchange.Send(status, std::move(*json));
      exchange.RefuseSecret(json.error());
    };
  }

  void LogIn(const http::Request& request, Exchange exchange) {
    const auto client = ClientKey(request, options_.trusted_proxies);
    auto account = identity::Accounts::EmailOf(request.body);
    if (const auto wait = limits_.Try(account, client)) return exchange.RefuseFor(*wait);
    parts_.accounts.LogIn(
        request.body, ClientOf(request),
        AnswerTry(std::move(exchange), 200, std::move(account), client));
  }

  void ChangePassword(const http::Request& request, Exchange exchange) {
    const auto who = Known(request, exchange);
    if (!who) return;
    const auto client = ClientKey(request, options_.trusted_proxies);
    if (const auto wait = limits_.Try(who->user_id, client))
      return exchange.RefuseFor(*wait);
    parts_.accounts.ChangePassword(
        *who, request.body, AnswerTry(std::move(exchange), 204, who->user_id, client));
  }

  void Refresh(const http::Request& request, Exchange exchange) {
    parts_.accounts.Refresh(
        request.body, ClientOf(request),
        [exchange = std::move(exchange)](Result<std::string> json) mutable {
          if (json) return exchange.Send(200, std::move(*json));
          exchange.RefuseSecret(json.error());
        });
  }

  void LogOut(const http::Request& request, Exchange exchange) {
    const auto who = Known(request, exchange);
    if (!who) return;
    parts_.accounts.EndSession(*who, who->session_id, Answer(std::move(exchange), 204));
  }

  void Me(const http::Request& request, Exchange exchange) {
    const auto who = Known(request, exchange);
    if (!who) return;
    parts_.accounts.Me(*who, Answer(std::move(exchange), 200));
  }

  void ListSessions(const http::Request& request, Exchange exchange) {
    const auto who = Known(request, exchange);
    if (!who) return;
    parts_.accounts.ListSessions(*who, Answer(std::move(exchange), 200));
  }

  void EndSession(const http::Request& request, Exchange exchange) {
    const auto who = Known(request, exchange);
    if (!who) return;
    parts_.accounts.EndSession(*who, std::string(request.Param("id")),
                               Answer(std::move(exchange), 204));
  }

  /// `work` with the token of the body, on the pool.
  template <typename Work>
  void WithToken(const http::Request& request, Exchange exchange, Work work) {
    auto token = TokenOf(request);
    if (!token) return exchange.Refuse(token.error());
    const auto shared = std::make_shared<Exchange>(std::move(exchange));
    const bool taken =
        parts_.pool.Submit([shared, token = std::move(*token), work = std::move(work)] {
          auto answer = work(token);
          if (!answer) return shared->Refuse(answer.error());
          shared->Send(200, std::move(*answer));
        });
    if (!taken) shared->Refuse({ErrorCode::kUnavailable, "too many reads are waiting"});
  }

  void Introspect(const http::Request& request, Exchange exchange) {
    const auto who = Known(request, exchange);
    if (!who) return;
    if (who->role != "admin" && who->key_id.empty())
      return exchange.Refuse({ErrorCode::kPermissionDenied,
                              "tokens are shown to API keys and the role admin alone"});
    WithToken(request, std::move(exchange),
              [stores = parts_.tokens](const std::string& token) {
                return identity::Introspect(stores, token);
              });
  }

  void Revoke(const http::Request& request, Exchange exchange) {
    WithToken(request, std::move(exchange),
              [stores = parts_.tokens](const std::string& token) -> Result<std::string> {
                MR_TRY(const auto ended, identity::Revoke(stores, token));
                return ended.empty() ? "{}" : "{\"session_id\":\"" + ended + "\"}";
              });
  }

  void Jwks(const http::Request&, Exchange exchange) {
    exchange.Send(200, parts_.keys.Jwks());
  }

  /// What clients and resource servers look for, RFC 8414.
  void Discovery(const http::Request& request, Exchange exchange) {
    const auto& issuer = parts_.tokens.access.options().issuer;
    auto base = issuer;
    if (!base.starts_with("http")) base = "http://" + std::string(request.Header("host"));
    if (base.ends_with('/')) base.pop_back();
    std::string json = "{";
    AppendMember(json, "issuer", issuer);
    AppendMember(json, "jwks_uri", base + "/.well-known/jwks.json");
    AppendMember(json, "token_endpoint", base + "/api/auth/login");
    AppendMember(json, "userinfo_endpoint", base + "/api/auth/me");
    AppendMember(json, "introspection_endpoint", base + "/api/auth/introspect");
    AppendMember(json, "revocation_endpoint", base + "/api/auth/revoke");
    AppendMemberName(json, "grant_types_supported");
    json += R"(["password","refresh_token"])";
    AppendMemberName(json, "response_types_supported");
    json += "[]";
    AppendMemberName(json, "subject_types_supported");
    json += R"(["public"])";
    AppendMemberName(json, "id_token_signing_alg_values_supported");
    json += R"(["EdDSA"]})";
    exchange.Send(200, std::move(json));
  }

  const AuthParts parts_;
  const AuthRouteOptions options_;
  LoginLimits limits_;
};

AuthRoutes::AuthRoutes(AuthParts parts, AuthRouteOptions options)
    : impl_(std::make_shared<Impl>(std::move(parts), std::move(options))) {}
AuthRoutes::~AuthRoutes() = default;

void AuthRoutes::AddTo(http::Router& router) { impl_->AddTo(router); }

}  // namespace millrace::gateway
