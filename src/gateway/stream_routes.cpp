#include "gateway/stream_routes.hpp"

#include <charconv>
#include <utility>

#include "base/json.hpp"
#include "change/envelope.hpp"
#include "fields.hpp"
#include "http/answer_on.hpp"
#include "http/problem.hpp"
#include "http/query.hpp"
#include "page.hpp"
#include "query/seal.hpp"

namespace millrace::gateway {
namespace {

using capture::AcceptedEvent;
using capture::AcceptedEvents;
using capture::EventForm;
using capture::ParsedEvents;

constexpr std::uint64_t kPageBytes = 8u << 20u;
constexpr std::uint64_t kMaxPage = 1'000;
constexpr std::chrono::seconds kPageTime{5};
constexpr Offset kMaxLookedAt =
    20'000;  ///< events, for a page of those that a rule leaves

void SendError(http::Responder& responder, const http::Request& request,
               const Error& error) {
  responder.Send(http::Problem(error, request.path, request.request_id));
}

bool IsNdjson(const http::Request& request) {
  const auto type = request.Header("content-type");
  return type.starts_with("application/x-ndjson") ||
         type.starts_with("application/jsonl") || type.starts_with("application/ndjson");
}

EventForm FormOf(const StreamEntry& stream, const http::Request& request) {
  if (stream.raw) return IsNdjson(request) ? EventForm::kRawLines : EventForm::kRaw;
  return IsNdjson(request) ? EventForm::kJsonLines : EventForm::kJson;
}

/// The parameter that says the id of events which have none in them; empty: there is no
/// such thing.
std::string_view IdParameter(EventForm form) {
  if (form == EventForm::kJson) return {};
  return form == EventForm::kRaw ? "event_id" : "event_id_prefix";
}

Result<std::string> EventIdOf(const http::Request& request, EventForm form) {
  MR_TRY(const auto parameters, http::ParseQuery(request.query));
  std::string id;
  for (const auto& parameter : parameters) {
    if (parameter.name != IdParameter(form)) {
      return Fail(Error(ErrorCode::kInvalidArgument,
                        parameter.name + ": no such parameter here",
                        {{parameter.name,
                          "there are event_id for one raw event, and event_id_prefix for "
                          "lines (Content-Type: application/x-ndjson)"}}));
    }
    id = parameter.value;
  }
  return id;
}

void AppendAccepted(std::string& out, const AcceptedEvent& event) {
  out += "{\"event_id\":";
  AppendJsonString(out, event.event_id);
  out += ",\"offset\":";
  AppendUint(out, event.offset);
  out += event.duplicate ? ",\"duplicate\":true}" : ",\"duplicate\":false}";
}

void AppendBadLine(std::string& out, const ParsedEvents::BadLine& bad) {
  out += "{\"line\":";
  AppendUint(out, bad.line);
  out += ",\"detail\":";
  AppendJsonString(out, bad.error.message());
  out += ",\"errors\":[";
  for (std::size_t i = 0; i < bad.error.fields().size(); ++i) {
    out += i > 0 ? ",{\"pointer\":" : "{\"pointer\":";
    AppendJsonString(out, bad.error.fields()[i].pointer);
    out += ",\"detail\":";
    AppendJsonString(out, bad.error.fields()[i].message);
    out += '}';
  }
  out += "]}";
}

template <typename List, typename AppendItem>
void AppendList(std::string& out, const List& items, AppendItem append) {
  out += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ',';
    append(out, items[i]);
  }
  out += ']';
}

/// The log's own limit is the operator's choice: the client is told to come back, while a
/// full disk is trouble.
http::Response Refusal(const Error& error, std::string_view path, std::string_view id) {
  if (error.message().find("log_full:") == std::string::npos)
    return http::Problem(error, path, id);
  auto response = http::ProblemOf(429, "log_full", error.message(), path, id);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::string Describe(std::string_view name, const StreamEntry& stream,
                     const eventlog::StreamInfo& info) {
  std::string out = "{\"stream\":";
  AppendJsonString(out, name);
  out += stream.raw ? ",\"format\":\"raw\"," : ",\"format\":\"json\",";
  AppendFields(out, stream.writer->codec().collection().fields);
  out += ",\"first\":";
  AppendUint(out, info.first);
  out += ",\"next\":";
  AppendUint(out, info.next);
  out += ",\"bytes\":";
  AppendUint(out, info.bytes);
  out += '}';
  return out;
}

struct ReadRequest {
  Offset from = 0;
  std::uint64_t limit = 100;
};

std::unexpected<Error> BadParameter(const std::string& name,
                                    const std::string& expected) {
  return Fail(
      Error(ErrorCode::kInvalidArgument, name + ": " + expected, {{name, expected}}));
}

Result<ReadRequest> ParseRead(std::string_view query, const query::Seal& seal) {
  MR_TRY(const auto parameters, http::ParseQuery(query));
  ReadRequest read;
  for (const auto& [name, given] : parameters) {
    const bool limit = name == "limit";
    if (!limit && name != "from" && name != "cursor") {
      return Fail(Error(ErrorCode::kInvalidArgument, name + ": no such parameter",
                        {{name, "there are from, cursor and limit"}}));
    }
    auto value = given;
    if (name == "cursor") {
      auto opened = query::OpenSealed(seal, given);
      if (!opened) {
        return BadParameter(name,
                            "is not a next_cursor of this stream for who asks; begin "
                            "again without it, or with from=OFFSET");
      }
      value = *std::move(opened);
    }
    auto& into = limit ? read.limit : read.from;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), into);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (whole && (!limit || (into >= 1 && into <= kMaxPage))) continue;
    return BadParameter(
        name, limit ? "expected 1 to 1000" : "expected an offset: a whole number");
  }
  return read;
}

void AppendStored(std::string& out, const eventlog::Record& record) {
  out += "{\"offset\":";
  AppendUint(out, record.offset);
  if (const auto event = change::ParseEnvelope(record.body)) {
    out += ",\"_id\":\"";
    AppendEventId(out, event->source, event->version);
    out += "\",\"_ts\":\"";
    AppendTimestamp(out, event->committed_at);
    out += "\",\"event\":";
    out += event->after;
  }
  out += '}';
}

/// Whose events a page has.
struct Visible {
  query::Seal seal;  ///< of cursors
  std::string tenant;
  std::optional<query::Matcher> matcher;  ///< none: every event

  bool Shows(const eventlog::Record& record) const {
    const auto event = change::ParseEnvelope(record.body);
    if (!event) return !matcher && tenant.empty();  // nothing of it is sent
    return event->tenant == tenant && (!matcher || matcher->Matches(event->after));
  }
};

/// A page is full, or a bounded number of events was looked at, or for a bounded time.
Result<http::Response> ReadPage(eventlog::EventLog& log, const std::string& stream,
                                const ReadRequest& read, const Visible& visible) {
  MR_TRY(const auto info, log.Stream({"", stream}));
  Offset at = std::max(read.from, info.first);
  const Offset end = std::min(info.next, at + kMaxLookedAt);
  const auto deadline = Deadline::After(kPageTime);
  std::vector<std::string> items;
  std::size_t bytes = 0;
  const auto full = [&] { return items.size() == read.limit || bytes >= kPageBytes; };
  while (at < end && !full() && !deadline.expired()) {
    // Where a rule hides most, many are looked at for one.
    MR_TRY(const auto batch, log.Read({"", stream}, at, kMaxPage, kPageBytes));
    if (batch.empty()) break;
    for (const auto& record : batch.records()) {
      if (full()) break;
      at = record.offset + 1;
      bytes += record.body.size();
      if (visible.Shows(record)) AppendStored(items.emplace_back(), record);
    }
    if (!full()) at = batch.next();
  }
  if (at >= info.next) return PageResponse(items, std::nullopt);
  return PageResponse(items, query::SealText(visible.seal, std::to_string(at)));
}

/// kPermissionDenied: the rule does not let all of them in.
Status CheckEvents(const capture::EventList& events, const Grant& grant,
                   const schema::Collection& stream) {
  const auto matcher = grant.Matching(stream);
  if (!matcher) return {};
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (matcher->Matches(events[i].json)) continue;
    return Fail(ErrorCode::kPermissionDenied,
                "the access rule of append in " + stream.name + " refuses event " +
                    std::to_string(i + 1) + " of the request; none of it was taken");
  }
  return {};
}

}  // namespace

Error WrittenHereAlone(const std::string& stream) {
  return {ErrorCode::kPermissionDenied,
          "stream " + stream + " is written by this program alone"};
}

http::Response AnswerTo(const ParsedEvents& parsed, const AcceptedEvents& accepted) {
  constexpr std::size_t kEventBytes = 96;  // with an id of ours
  http::Response response;
  const std::size_t duplicates = accepted.duplicates();
  response.status = duplicates == accepted.size() ? 200 : 201;
  if (!parsed.bad.empty()) response.status = accepted.empty() ? 400 : 207;
  if (parsed.single) {
    AppendAccepted(response.body, accepted[0]);
    return response;
  }
  response.body.reserve(kEventBytes * (accepted.size() + 1));
  response.body = "{\"accepted\":";
  AppendUint(response.body, accepted.size() - duplicates);
  response.body += ",\"duplicates\":";
  AppendUint(response.body, duplicates);
  response.body += ",\"refused\":";
  AppendUint(response.body, parsed.bad.size());
  response.body += ",\"events\":";
  AppendList(response.body, accepted, AppendAccepted);
  response.body += ",\"errors\":";
  AppendList(response.body, parsed.bad, AppendBadLine);
  response.body += '}';
  return response;
}

StreamRoutes::StreamRoutes(Streams& streams, eventlog::EventLog& log,
                           runtime::BlockingPool& pool, StreamRouteOptions options)
    : streams_(streams), log_(log), pool_(pool), options_(std::move(options)) {}

void StreamRoutes::AddTo(http::Router& router) {
  using http::Method;
  const std::string events = "/api/streams/{stream}/events";
  router.Add(Method::kPost, events,
             [this](const auto& request, auto responder) {
               Append(request, std::move(responder));
             },
             {options_.body_limit});
  router.Add(Method::kGet, events, [this](const auto& request, auto responder) {
    Read(request, std::move(responder));
  });
  for (const char* path : {"/api/streams", "/api/streams/{stream}"}) {
    router.Add(Method::kGet, path, [this](const auto& request, auto responder) {
      Describe(request, std::move(responder));
    });
  }
}

Error StreamRoutes::Unknown(std::string_view name) const {
  std::string message = "no stream \"" + std::string(name) + "\"", known;
  for (const auto& [other, entry] : streams_)
    known += (known.empty() ? "" : ", ") + other;
  if (!known.empty() && options_.access == nullptr)
    message += "; this project has: " + known;
  return Error(ErrorCode::kNotFound, std::move(message));
}

StreamEntry* StreamRoutes::Find(const http::Request& request,
                                http::Responder& responder) {
  const auto name = request.Param("stream");
  const auto found = streams_.find(name);
  if (found != streams_.end()) return &found->second;
  SendError(responder, request, Unknown(name));
  return nullptr;
}

void StreamRoutes::Append(const http::Request& request, http::Responder responder) {
  auto* stream = Find(request, responder);
  if (stream == nullptr) return;
  const auto& events = stream->writer->codec().collection();
  auto grant = Allow(options_.access, query::Operation::kAppend, request, events.name);
  if (!grant) return SendError(responder, request, grant.error());
  if (stream->built_in)
    return SendError(responder, request, WrittenHereAlone(events.name));
  const EventForm form = FormOf(*stream, request);
  const auto event_id = EventIdOf(request, form);
  if (!event_id) return SendError(responder, request, event_id.error());
  auto parsed = capture::ParseEvents(stream->writer->codec(), form, request.body,
                                     *event_id, options_.batch_max);
  if (!parsed) return SendError(responder, request, parsed.error());
  if (const auto may = CheckEvents(parsed->events, *grant, events); !may)
    return SendError(responder, request, may.error());
  capture::StreamRequest append;
  append.tenant = std::move(grant->tenant);
  append.events = std::move(parsed->events);
  if (append.events.empty()) return responder.Send(AnswerTo(*parsed, {}));
  auto shared = std::make_shared<http::Responder>(std::move(responder));
  append.done = [shared, parsed = std::move(*parsed), path = std::string(request.path),
                 id = std::string(request.request_id)](Result<AcceptedEvents> accepted) {
    shared->Send(accepted ? AnswerTo(parsed, *accepted)
                          : Refusal(accepted.error(), path, id));
  };
  stream->writer->Submit(std::move(append));
}

void StreamRoutes::Read(const http::Request& request, http::Responder responder) {
  const auto* stream = Find(request, responder);
  if (stream == nullptr) return;
  const auto& events = stream->writer->codec().collection();
  auto grant = Allow(options_.access, query::Operation::kRead, request, events.name);
  if (!grant) return SendError(responder, request, grant.error());
  query::Seal seal{options_.cursor_key, "events " + grant->scope + events.name};
  const auto read = ParseRead(request.query, seal);
  if (!read) return SendError(responder, request, read.error());
  if (grant->condition.never()) return responder.Send(PageResponse({}, std::nullopt));
  auto work = [this, read = *read, name = events.name,
               visible = Visible{std::move(seal), std::move(grant->tenant),
                                 grant->Matching(events)}] {
    return ReadPage(log_, name, read, visible);
  };
  http::AnswerOn(pool_, request, std::move(responder), std::move(work));
}

void StreamRoutes::Describe(const http::Request& request, http::Responder responder) {
  const auto who = WhoIs(options_.access, request);
  if (!who) return SendError(responder, request, who.error());
  const auto name = std::string(request.Param("stream"));
  if (name.empty()) return DescribeAll(*who, request, std::move(responder));
  const bool opens = Opens(options_.access, *who, name, query::kStreamOperations);
  const auto* stream = opens ? Find(request, responder) : nullptr;
  if (!opens) SendError(responder, request, Unknown(name));
  if (stream == nullptr) return;
  const auto info = log_.Stream({"", name});
  if (!info) return SendError(responder, request, info.error());
  responder.Send({.body = gateway::Describe(name, *stream, *info)});
}

void StreamRoutes::DescribeAll(const query::Principal& who, const http::Request& request,
                               http::Responder responder) {
  std::vector<std::string> items;
  for (const auto& [name, stream] : streams_) {
    if (!Opens(options_.access, who, name, query::kStreamOperations)) continue;
    const auto info = log_.Stream({"", name});
    if (!info) return SendError(responder, request, info.error());
    items.push_back(gateway::Describe(name, stream, *info));
  }
  responder.Send(PageResponse(items, std::nullopt));
}

}  // namespace millrace::gateway
