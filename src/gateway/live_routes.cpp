#include "gateway/live_routes.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "http/problem.hpp"
#include "http/query.hpp"
#include "http/stream.hpp"
#include "http/websocket.hpp"
#include "identity/authenticator.hpp"
#include "live_tickets.hpp"
#include "query/query.hpp"
#include "still_allowed.hpp"

namespace millrace::gateway {
namespace {

constexpr std::string_view kSnapshot = "snapshot", kLastEventId = "last_event_id",
                           kTicket = "_ticket";
/// Of lists only: a subscription has all that matches, in the order of changes.
constexpr std::string_view kListOnly[] = {"order", "limit", "cursor"};

/// A connection and the right to it: what its heartbeat and its messages ask.
class Line {
 public:
  Line(const AccessControl* access, const http::Request& request, query::Principal who)
      : allowed_(access, request, std::move(who)) {}

  void Open(const std::shared_ptr<http::Stream>& stream) {
    const std::scoped_lock lock(mutex_);
    stream_ = stream;
  }
  /// False: it was cut, and the client may come back with its last id and another token.
  bool Check() {
    if (allowed_(std::chrono::steady_clock::now())) return true;
    const std::scoped_lock lock(mutex_);
    if (const auto stream = stream_.lock()) stream->Cut();
    return false;
  }

 private:
  StillAllowed allowed_;
  std::mutex mutex_;
  std::weak_ptr<http::Stream> stream_;
};

class StreamSink : public live::Sink {
 public:
  StreamSink(std::shared_ptr<http::Stream> stream, bool websocket,
             std::shared_ptr<Line> line)
      : stream_(std::move(stream)), websocket_(websocket), line_(std::move(line)) {
    line_->Open(stream_);
  }

  bool Send(live::Message& message) override {
    if (!line_->Check()) return false;
    return stream_->Send(websocket_ ? message.Frame() : message.ServerSent());
  }
  std::size_t unsent() const override { return stream_->unsent(); }
  void Cut() override { stream_->Cut(); }

 private:
  const std::shared_ptr<http::Stream> stream_;
  const bool websocket_;
  const std::shared_ptr<Line> line_;
};

std::unexpected<Error> Refuse(std::string_view name, const std::string& expected) {
  return Fail(Error(ErrorCode::kInvalidArgument, std::string(name) + ": " + expected,
                    {{std::string(name), expected}}));
}

Result<bool> ReadSnapshot(const query::Query& query) {
  const auto given = query.extra.find(kSnapshot);
  if (given == query.extra.end() || given->second == "false") return false;
  if (given->second == "true") return true;
  return Refuse(kSnapshot, "expected true or false");
}

/// The header wins: a browser that reconnects sends the newer one there.
Result<std::optional<Version>> ReadLast(const http::Request& request,
                                        const query::Query& query) {
  auto text = std::string(request.Header("last-event-id"));
  const auto given = query.extra.find(kLastEventId);
  if (text.empty() && given != query.extra.end()) text = given->second;
  if (text.empty()) return std::nullopt;
  if (const auto version = Version::Parse(text)) return *version;
  return Refuse("Last-Event-ID", "expected the id of a message: 32 hex digits");
}

/// What one subscription asks for, and who is to be answered.
struct Asked {
  query::Query query;
  bool snapshot = false;
  std::optional<Version> last;
};

std::optional<std::string> TicketOf(const http::Request& request) {
  const auto parameters = http::ParseQuery(request.query);
  if (!parameters) return std::nullopt;
  const auto found = std::ranges::find(*parameters, kTicket, &http::QueryParam::name);
  if (found == parameters->end()) return std::nullopt;
  return found->value;
}

Result<Asked> ReadAsked(const http::Request& request,
                        const schema::Collection& collection) {
  Asked asked;
  MR_TRY(asked.query, query::Parse(request.query, collection.name,
                                   collection.DocumentColumns(), collection.key,
                                   {kSnapshot, kLastEventId, kTicket, kListOnly[0],
                                    kListOnly[1], kListOnly[2]}));
  for (const auto name : kListOnly) {
    if (!asked.query.extra.contains(name)) continue;
    return Refuse(name, "is for lists: a subscription has every record that matches");
  }
  MR_TRY(asked.snapshot, ReadSnapshot(asked.query));
  MR_TRY(asked.last, ReadLast(request, asked.query));
  return asked;
}

/// Browsers let any page open a WebSocket to any server, and leave it to the server to
/// look where the page came from.
Result<http::Response> SocketHead(const http::Request& request) {
  auto origin = request.Header("origin");
  if (const auto scheme = origin.find("://"); scheme != origin.npos) {
    origin.remove_prefix(scheme + 3);
    if (origin != request.Header("host")) {
      return Fail(ErrorCode::kPermissionDenied,
                  "a page of another origin may not open this socket");
    }
  } else if (!origin.empty()) {
    return Fail(ErrorCode::kPermissionDenied,
                "a page without an origin may not open this socket");
  }
  return http::AcceptWebSocket(request);
}

http::Response EventStreamHead() {
  http::Response head;
  head.content_type = "text/event-stream";
  // The second is for proxies that would wait for more before they pass anything on.
  head.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  return head;
}

/// A comment, and the position: who sees few changes does not fall behind the log.
http::SharedBytes Heartbeat(const std::optional<Version>& passed) {
  if (!passed) return std::make_shared<const std::string>(":\n\n");
  return std::make_shared<const std::string>(":\nid: " + passed->ToHex() + "\n\n");
}

http::StreamOptions OptionsOf(const LiveRouteOptions& options, bool websocket,
                              live::SinkEvents events, std::shared_ptr<Line> line) {
  http::StreamOptions out;
  out.websocket = websocket;
  out.buffer = options.buffer;
  out.heartbeat = options.heartbeat;
  out.heartbeat_bytes = [passed = std::move(events.passed), line = std::move(line)] {
    return line->Check() ? Heartbeat(passed()) : nullptr;
  };
  out.on_drained = std::move(events.on_drained);
  out.on_closed = std::move(events.on_closed);
  return out;
}

}  // namespace

LiveRoutes::LiveRoutes(live::Hub& hub, const Codecs& codecs, LiveRouteOptions options)
    : hub_(hub),
      codecs_(codecs),
      options_(options),
      tickets_(std::make_unique<LiveTickets>()) {}
LiveRoutes::~LiveRoutes() = default;

void LiveRoutes::AddTo(http::Router& router) {
  router.Add(http::Method::kGet, "/api/collections/{collection}/records/live",
             [this](const http::Request& request, http::Responder responder) {
               Arrive(request, std::move(responder));
             });
  if (options_.access == nullptr) return;
  router.Add(http::Method::kPost, "/api/auth/ticket",
             [this](const http::Request& request, http::Responder responder) {
               GiveTicket(request, std::move(responder));
             });
}

void LiveRoutes::GiveTicket(const http::Request& request, http::Responder responder) {
  const auto refuse = [&](const Error& error) {
    responder.Send(http::Problem(error, request.path, request.request_id));
  };
  const auto who = WhoIs(options_.access, request);
  if (!who) return refuse(who.error());
  if (!who->authenticated)
    return refuse({ErrorCode::kUnauthenticated, "a ticket is for who is signed in"});
  const auto ticket = tickets_->Issue(request, who->user_id + ' ' + who->key_id,
                                      std::chrono::steady_clock::now());
  if (!ticket) return refuse(ticket.error());
  http::Response response;
  response.status = 201;
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = "{\"ticket\":";
  AppendJsonString(response.body, *ticket);
  response.body +=
      ",\"expires_in\":" + std::to_string(LiveTickets::kLifetime.count()) + "}";
  responder.Send(std::move(response));
}

void LiveRoutes::Arrive(const http::Request& request, http::Responder responder) {
  const auto ticket = TicketOf(request);
  if (options_.access == nullptr || !ticket)
    return Subscribe(request, std::move(responder));
  const auto shown = tickets_->Redeem(*ticket, std::chrono::steady_clock::now());
  if (!shown) {
    return responder.Send(
        http::Problem(identity::InvalidToken(), request.path, request.request_id));
  }
  std::vector<http::HeaderField> headers(request.headers.begin(), request.headers.end());
  // Beside a header of its own it is one too many, and refused as such.
  if (!shown->authorization.empty())
    headers.push_back({"Authorization", shown->authorization});
  if (!shown->api_key.empty()) headers.push_back({"X-API-Key", shown->api_key});
  auto with = request;
  with.headers = headers;
  Subscribe(with, std::move(responder));
}

void LiveRoutes::Subscribe(const http::Request& request, http::Responder responder) {
  const auto refuse = [&](const Error& error) {
    responder.Send(http::Problem(error, request.path, request.request_id));
  };
  const auto name = request.Param("collection");
  const auto codec = codecs_.find(name);
  if (codec == codecs_.end())
    return refuse(UnknownCollection(name, codecs_, options_.access));
  const auto& collection = codec->second->collection();
  auto who = WhoIs(options_.access, request);
  if (!who) return refuse(who.error());
  auto grant = Allow(options_.access, query::Operation::kLive, *who, collection.name);
  if (!grant) return refuse(grant.error());
  auto asked = ReadAsked(request, collection);
  if (!asked) return refuse(asked.error());
  asked->query.visible = std::move(grant->condition);
  if (request.method == http::Method::kHead) return responder.Send(EventStreamHead());
  const bool websocket = http::WantsWebSocket(request);
  auto head = websocket ? SocketHead(request) : EventStreamHead();
  if (!head) return refuse(head.error());

  live::Subscription wanted;
  wanted.collection = collection;
  wanted.view = std::make_shared<const live::View>(std::move(asked->query), collection,
                                                   grant->tenant);
  wanted.tenant = std::move(grant->tenant);
  wanted.snapshot = asked->snapshot;
  wanted.last = asked->last;
  auto line = std::make_shared<Line>(options_.access, request, *std::move(who));
  wanted.open = [this, websocket, line = std::move(line), head = std::move(*head),
                 answer = std::move(responder), path = std::string(request.path),
                 id = std::string(request.request_id)](
                    Result<Version> behind,
                    live::SinkEvents events) mutable -> std::shared_ptr<live::Sink> {
    if (!behind) {
      answer.Send(http::Problem(behind.error(), path, id));
      return nullptr;
    }
    head.headers.emplace_back("X-Millrace-Position", behind->ToHex());
    auto stream = answer.Open(std::move(head),
                              OptionsOf(options_, websocket, std::move(events), line));
    return std::make_shared<StreamSink>(std::move(stream), websocket, line);
  };
  hub_.Subscribe(std::move(wanted));
}

}  // namespace millrace::gateway
