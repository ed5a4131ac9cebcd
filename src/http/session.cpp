#include "session.hpp"

#include <boost/asio/buffer.hpp>
#include <exception>
#include <utility>

#include "http/problem.hpp"
#include "http/stream.hpp"
#include "loop.hpp"
#include "socket.hpp"
#include "stream_session.hpp"

namespace millrace::http::internal {
namespace {

using boost::system::error_code;
using Stage = RequestReader::Stage;

constexpr std::size_t kKeptOutputBytes = 64u << 10u;
/// How long a client may take to read the last answer and close. Closing at once while
/// unread bytes of it are here would reset the connection and lose that answer.
constexpr std::chrono::seconds kLingerTime{5};

void ClearOutput(std::string& output) {
  if (output.capacity() > kKeptOutputBytes) {
    output = std::string();
  } else {
    output.clear();
  }
}

}  // namespace

Session::Session(Socket socket, const RouteTable& routes, Loop& loop, std::uint32_t slot)
    : Connection(slot),
      socket_(std::move(socket)),
      routes_(routes),
      loop_(loop),
      reader_(routes, loop.limits().header_bytes) {}

void Session::Start() {
  peer_ = PeerOf(socket_.native_handle());
  now_ = stage_since_ = Steady::now();
  Advance();
}

void Session::Deliver(std::uint64_t serial, Content&& content) {
  if (!outstanding_ || serial != request_.serial || closed_) return;
  if (const auto* response = std::get_if<Response>(&content)) {
    Answer(*response);
  } else if (auto* open = std::get_if<OpenStream>(&content)) {
    AnswerWithStream(std::move(*open));
  }
  if (advancing_) return;  // out of a handler: Advance goes on when it returns
  const auto self = shared_from_this();
  Advance();
}

void Session::Drain() {
  const auto self = shared_from_this();
  if (BetweenRequests() && !closed_) StartLinger();
}

bool Session::BetweenRequests() const {
  return !outstanding_ && !lingering_ && out_.empty() && writing_.empty() &&
         reader_.stage() == Stage::kIdle;
}

void Session::Close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  LeaveActive();
  loop_.Remove(*this);
  if (opening_) opening_->MarkClosed();
}

void Session::LeaveActive() {
  if (std::exchange(active_, false)) loop_.LeaveActive();
}

void Session::OnTimeout() {
  now_ = Steady::now();
  const bool half_request = !lingering_ && writing_.empty() && stage_ != Stage::kIdle;
  if (!half_request) {
    Close();
    return;
  }
  AnswerRefusal({408, "request_timeout", "the request did not arrive in time"});
  WriteOrRead();
}

// Requests -----------------------------------------------------------------------------

void Session::Advance() {
  if (advancing_ || closed_) return;
  advancing_ = true;
  const auto limit = loop_.limits().output_bytes;
  while (!outstanding_ && !closing_ && out_.size() < limit && HandleNext()) {
  }
  advancing_ = false;
  if (loop_.draining() && !outstanding_ && reader_.stage() == Stage::kIdle) {
    closing_ = true;
  }
  WriteOrRead();
}

bool Session::HandleNext() {
  switch (reader_.Next()) {
    case RequestReader::Outcome::kNeedMore:
      if (reader_.TakeContinue()) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      return false;
    case RequestReader::Outcome::kRefused:
      AnswerRefusal(reader_.refusal());
      return false;
    case RequestReader::Outcome::kRequest:
      Dispatch();
      return true;
  }
  return false;
}

void Session::Dispatch() {
  Request request = reader_.request();
  if (request.request_id.empty()) {
    loop_.MakeRequestId(request_.request_id);
  } else {
    request_.request_id = request.request_id;
  }
  request.request_id = request_.request_id;
  request_.traceparent = request.traceparent;
  request.peer = peer_;
  const Route* route = reader_.match().route;
  request_.serial = loop_.NextSerial();
  request_.metrics = route != nullptr ? &route->metrics : &loop_.unmatched();
  request_.since = now_;
  request_.head = request.method == Method::kHead;
  request_.keep_alive = reader_.keep_alive();
  request_.http11 = reader_.http11();
  outstanding_ = true;
  served_ = true;
  stage_ = Stage::kIdle;
  if (const auto instead = AskGate(request, route)) {
    Answer(*instead);
  } else if (route != nullptr) {
    Invoke(request);
  } else {
    AnswerWithoutRoute(request);
  }
  reader_.Consume();
}

std::optional<Response> Session::AskGate(const Request& request, const Route* route) {
  request_.headers.clear();
  Gate* const gate = routes_.gate();
  if (gate == nullptr) return std::nullopt;
  return gate->Look(request, route != nullptr ? std::string_view(route->name) : "",
                    request_.headers);
}

void Session::Invoke(const Request& request) {
  // The handlers' rule is not to throw; what escapes all the same ends one request only.
  try {
    reader_.match().route->handler(
        request, loop_.MakeResponder(slot_, request_.serial, request.takes_gzip));
  } catch (const std::exception& thrown) {
    loop_.log().Error("handler threw", {{"route", reader_.match().route->name},
                                        {"what", thrown.what()},
                                        {telemetry::kRequestIdKey, request_.request_id}});
  }
}

void Session::AnswerWithoutRoute(const Request& request) {
  const PathMatch& match = reader_.match();
  Refused refused{404,          "not_found",   "no such path",    request.method,
                  request.path, request.query, request.request_id};
  Response response;
  if (match.found == PathMatch::Found::kBadEncoding) {
    refused.status = 400;
    refused.code = "invalid_argument";
    refused.detail = "a %-sequence of the path is broken";
    response = routes_.Refuse(refused);
  } else if (request.method == Method::kOptions &&
             (match.found == PathMatch::Found::kOtherMethod || request.path == "*")) {
    response.status = 204;
  } else if (match.found == PathMatch::Found::kOtherMethod) {
    refused.status = 405;
    refused.code = "method_not_allowed";
    refused.detail = "this path takes other methods";
    response = routes_.Refuse(refused);
  } else {
    response = routes_.Refuse(refused);
  }
  if (!match.allowed.empty()) response.headers.emplace_back("Allow", match.allowed);
  Answer(response);
}

void Session::AnswerRefusal(const Refusal& refusal) {
  loop_.MakeRequestId(request_.request_id);
  request_.metrics = &loop_.malformed();
  request_.since = now_;
  request_.headers.clear();
  request_.traceparent.clear();
  request_.head = false;
  request_.keep_alive = false;
  request_.http11 = true;
  Refused refused;
  refused.status = refusal.status;
  refused.code = refusal.code;
  refused.detail = refusal.detail;
  refused.request_id = request_.request_id;
  Answer(routes_.Refuse(refused));
}

void Session::Answer(const Response& response) {
  outstanding_ = false;
  now_ = Steady::now();
  request_.metrics->Count(response.status, now_ - request_.since);
  if (!request_.keep_alive || loop_.draining()) closing_ = true;
  AppendResponse(out_, response,
                 {.date_line = loop_.date_line(),
                  .request_id = request_.request_id,
                  .traceparent = request_.traceparent,
                  .headers = request_.headers,
                  .head = request_.head,
                  .keep_alive = !closing_,
                  .http11 = request_.http11});
}

void Session::AnswerWithStream(OpenStream&& open) {
  outstanding_ = false;
  closing_ = true;  // no request after it
  now_ = Steady::now();
  request_.metrics->Count(open.head.status, now_ - request_.since);
  AppendStreamHead(out_, open.head,
                   {.date_line = loop_.date_line(),
                    .request_id = request_.request_id,
                    .traceparent = request_.traceparent,
                    .headers = request_.headers});
  opening_ = std::move(open.stream);
}

/// The rest of the connection's life is another's: this object ends with its last user.
void Session::BecomeStream() {
  closed_ = true;
  active_ = false;
  loop_.Replace(*this, std::make_shared<StreamSession>(
                           std::move(socket_), loop_, slot_, request_.serial,
                           std::exchange(opening_, nullptr), std::exchange(out_, {}),
                           std::string(reader_.Rest())));
}

// Input and output ---------------------------------------------------------------------

void Session::WriteOrRead() {
  if (!writing_.empty() || closed_) return;
  if (opening_) {
    BecomeStream();
  } else if (!out_.empty()) {
    StartWrite();
  } else if (outstanding_) {
    SetDeadline(Steady::time_point::max());  // the handler's owner sees to that one
  } else if (closing_) {
    StartLinger();
  } else if (!reading_) {
    StartRead();
  }
}

void Session::StartWrite() {
  if (writing_.empty()) {
    std::swap(out_, writing_);
    written_ = 0;
  }
  SetDeadline(now_ + loop_.limits().write_timeout);
  const auto rest =
      boost::asio::buffer(writing_.data() + written_, writing_.size() - written_);
  socket_.async_write_some(
      rest, [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
        self->OnWritten(failed, bytes);
      });
}

void Session::OnWritten(const error_code& failed, std::size_t bytes) {
  if (closed_) return;
  if (failed) {
    Close();
    return;
  }
  written_ += bytes;
  if (written_ < writing_.size()) {
    now_ = Steady::now();
    StartWrite();
    return;
  }
  ClearOutput(writing_);
  Advance();
}

void Session::StartRead() {
  SetReadDeadline();
  reading_ = true;
  const auto space = reader_.Space();
  socket_.async_read_some(
      boost::asio::buffer(space.data(), space.size()),
      [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
        self->OnRead(failed, bytes);
      });
}

void Session::OnRead(const error_code& failed, std::size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (failed) {
    // A client that closed while its 408 is on the way sees to it that the write fails.
    if (writing_.empty()) Close();
    return;
  }
  if (lingering_) {
    Discard();
    return;
  }
  now_ = Steady::now();
  if (closing_) return;
  reader_.Commit(bytes);
  Advance();
}

void Session::StartLinger() {
  if (std::exchange(lingering_, true)) return;
  LeaveActive();
  error_code failed;
  socket_.shutdown(Socket::shutdown_send, failed);
  if (failed) {
    Close();
    return;
  }
  SetDeadline(Steady::now() + kLingerTime);
  if (!reading_) Discard();
}

void Session::Discard() {
  reading_ = true;
  const auto bin = loop_.discard_buffer();
  socket_.async_read_some(
      boost::asio::buffer(bin.data(), bin.size()),
      [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
        self->OnRead(failed, bytes);
      });
}

void Session::SetReadDeadline() {
  const auto& limits = loop_.limits();
  const Stage stage = reader_.stage();
  if (stage != stage_ || (stage == Stage::kIdle && served_)) stage_since_ = now_;
  stage_ = stage;
  // A new connection has as long for its first request as any request has.
  auto allowed = served_ ? limits.idle_timeout : limits.header_timeout;
  if (stage == Stage::kHeader) allowed = limits.header_timeout;
  if (stage == Stage::kBody) allowed = limits.body_timeout;
  SetDeadline(stage_since_ + allowed);
}

void Session::SetDeadline(Steady::time_point at) {
  deadline_ = at;
  loop_.WakeBy(at);
}

}  // namespace millrace::http::internal
