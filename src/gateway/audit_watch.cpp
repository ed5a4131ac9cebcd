#include "gateway/audit_watch.hpp"

#include <simdjson.h>

#include <memory>
#include <utility>

#include "audit_route.hpp"
#include "client_address.hpp"
#include "http/problem.hpp"
#include "identity/accounts.hpp"
#include "query/seal.hpp"
#include "schema/record_codec.hpp"

namespace millrace::gateway {
namespace {

using Kind = AuditRoute::Kind;

std::string TextMember(std::string_view document, std::string_view name) {
  const auto literal = schema::FindMember(document, name);
  return literal == "null" ? std::string() : schema::TextOf(literal);
}

AuditResult ResultOf(int status) {
  if (status >= 500) return AuditResult::kFailed;
  return status >= 400 ? AuditResult::kRefused : AuditResult::kOk;
}

/// "not_found" of a problem's "urn:millrace:error:not_found".
std::string CodeOf(const http::Response& response) {
  const auto type = TextMember(response.body, "type");
  return type.substr(type.rfind(':') + 1);
}

/// How many documents were answered, and the keys of the first ones.
void TakeDocuments(std::string_view body, const std::string& key, AuditEvent& event) {
  simdjson::dom::parser parser;
  simdjson::dom::array documents;
  if (parser.parse(body.data(), body.size()).get(documents) != simdjson::SUCCESS) return;
  event.count = 0;
  for (const auto document : documents) {
    if (event.count++ >= kAuditKeys) continue;
    simdjson::dom::element value;
    if (document[key].get(value) != simdjson::SUCCESS) continue;
    event.keys.push_back(schema::TextOf(simdjson::minify(value)));
  }
}

/// A request as it was, for when its answer is there.
struct Seen {
  AuditEvent event;
  std::string path;
  std::string key = {};  ///< name of the key of its collection
};

class Watch {
 public:
  explicit Watch(AuditWatchParts parts) : parts_(std::move(parts)) {}

  Status Ready() const { return parts_.sink.Ready(); }

  Seen Begin(const AuditRoute& route, const http::Request& request) const {
    Seen seen{{}, std::string(request.path)};
    auto& event = seen.event;
    event.action = route.action;
    event.route = route.name;
    event.request_id = request.request_id;
    event.resource = AuditResourceOf(request);
    event.address = AddressText(ClientAddress(request, parts_.trusted_proxies));
    event.client = ClientKey(request, parts_.trusted_proxies);
    for (const std::string_view name : {"key", "id"}) {
      if (const auto key = request.Param(name); !key.empty()) event.resource_id = key;
    }
    const auto codec = parts_.codecs.find(request.Param("collection"));
    if (codec != parts_.codecs.end()) seen.key = codec->second->collection().key;
    if (route.kind == Kind::kGrant) {
      event.account = AccountOf(request.body);
    } else {
      Identify(route, request, event);
    }
    return seen;
  }

  void Answered(const AuditRoute& route, Seen seen, http::Response response,
                http::Responder out) const {
    auto& event = seen.event;
    event.status = response.status;
    event.result = ResultOf(response.status);
    if (!IsRecorded(route, response)) return out.Send(std::move(response));
    if (event.result == AuditResult::kOk) {
      Complete(route, seen, response);
      if (event.count == 0) return out.Send(std::move(response));
    } else {
      event.code = CodeOf(response);
      if (event.action == AuditAction::kLogin) event.action = AuditAction::kLoginRefused;
    }
    const auto when = event.result == AuditResult::kOk ? route.when() : AuditWhen::kSoon;
    // A spent token's successor is worth more than the event, which is tried again: who
    // does not get it comes back with the spent one, and looks like a thief.
    const bool all_the_same = event.action == AuditAction::kRefresh;
    auto done = [path = std::move(seen.path), id = event.request_id, all_the_same,
                 response = std::move(response),
                 out = std::move(out)](const Status& kept) mutable {
      if (!kept && !all_the_same) response = Refusal(kept.error(), path, id);
      out.Send(std::move(response));
    };
    parts_.sink.Record(std::move(event), when, std::move(done));
  }

  static http::Response Refusal(const Error& error, std::string_view path,
                                std::string_view id) {
    auto response = http::ProblemOf(503, "audit_unavailable", error.message(), path, id);
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }

 private:
  /// The same for the same address, and nothing that leads back to it without the secret.
  std::string AccountOf(std::string_view body) const {
    const auto email = identity::Accounts::EmailOf(body);
    return email.empty() ? "" : query::SealText({parts_.secret, "account " + email}, "");
  }

  void Identify(const AuditRoute& route, const http::Request& request,
                AuditEvent& event) const {
    if (parts_.always) {
      event.actor = *parts_.always;
      return;
    }
    if (!parts_.who) return;
    const auto who = parts_.who(request);
    if (!who) return;
    event.actor = ActorOf(*who);
    if (route.action == AuditAction::kLogout) event.resource_id = who->session_id;
    if (route.action == AuditAction::kPassword) event.resource_id = who->user_id;
  }

  static bool IsRecorded(const AuditRoute& route, const http::Response& response) {
    const int status = response.status;
    if (!route.writes())
      return status == 401 || status == 403 || (status == 404 && route.record);
    if (status >= 400) return true;
    for (const auto& [name, value] : response.headers)
      if (name == "Idempotent-Replayed") return false;
    return true;
  }

  /// What the answer alone says.
  void Complete(const AuditRoute& route, Seen& seen, const http::Response& answer) const {
    auto& event = seen.event;
    switch (route.kind) {
      case Kind::kRecords:
        if (route.action != AuditAction::kCreate || seen.key.empty()) return;
        if (answer.body.starts_with('['))
          return TakeDocuments(answer.body, seen.key, event);
        event.resource_id = TextMember(answer.body, seen.key);
        return;
      case Kind::kEvents:
        return TakeAccepted(answer.body, event);
      case Kind::kGrant:
        return TakeGrant(answer.body, event);
      case Kind::kSession:
        if (route.action != AuditAction::kSessionEnded) return;
        // Where a token is revoked that is none, nothing was ended.
        if (event.resource_id.empty())
          event.resource_id = TextMember(answer.body, "session_id");
        if (event.resource_id.empty()) event.count = 0;
        return;
      case Kind::kRead:
        return;
    }
  }

  static void TakeAccepted(std::string_view body, AuditEvent& event) {
    event.resource_id = TextMember(body, "event_id");
    event.count = schema::FindMember(body, "duplicate") == "true" ? 0 : 1;
    const auto accepted = TextMember(body, "accepted");
    if (!accepted.empty()) event.count = std::stoull(accepted);
  }

  /// Who was let in, by the token that he gets.
  void TakeGrant(std::string_view body, AuditEvent& event) const {
    const auto bearer = "Bearer " + TextMember(body, "access_token");
    const http::HeaderField header{"authorization", bearer};
    http::Request request;
    request.headers = {&header, 1};
    const auto who = parts_.who(request);
    if (!who) return;
    event.actor = ActorOf(*who);
    event.resource_id =
        event.action == AuditAction::kSignUp ? who->user_id : who->session_id;
  }

  const AuditWatchParts parts_;
};

}  // namespace

http::HandlerWrapper WatchForAudit(AuditWatchParts parts) {
  return [watch = std::make_shared<const Watch>(std::move(parts))](
             http::Method method, std::string_view pattern,
             http::Handler handler) -> http::Handler {
    if (!pattern.starts_with("/api/")) return handler;
    return
        [watch, route = std::make_shared<const AuditRoute>(AuditRouteOf(method, pattern)),
         handler = std::move(handler)](const http::Request& request,
                                       http::Responder responder) {
          if (route->writes()) {
            if (const auto ready = watch->Ready(); !ready)
              return responder.Send(
                  Watch::Refusal(ready.error(), request.path, request.request_id));
          }
          responder.Intercept([watch, route, seen = watch->Begin(*route, request)](
                                  http::Response response, http::Responder out) mutable {
            watch->Answered(*route, std::move(seen), std::move(response), std::move(out));
          });
          handler(request, std::move(responder));
        };
  };
}

}  // namespace millrace::gateway
