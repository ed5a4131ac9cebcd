#include "r0_exchange.hpp"

#include <simdjson.h>

#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "base/time.hpp"
#include "http/problem.hpp"

namespace millrace::gateway {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kDownstream =
    "An unexpected error occurred with a downstream service.";

std::string JsonText(std::string_view text) {
  std::string json;
  AppendJsonString(json, text);
  return json;
}

std::string Now() {
  std::string text;
  constexpr TimestampUs kMilli = 1'000;
  constexpr std::size_t kSeconds = 19;
  AppendTimestamp(text, SystemClock().Now() / kMilli * kMilli);
  // Six digits or none: three, as JavaScript has them.
  text.resize(std::min(text.size() - 1, kSeconds + 4));
  if (text.size() == kSeconds) text += ".000";
  return text + 'Z';
}

/// What the identity service refused with, in this gateway's words.
http::Response FromService(const std::string& err, std::string_view url) {
  dom::parser parser;
  dom::element element;
  std::int64_t status = 0;
  std::string message = JsonText(kDownstream);
  std::string details;
  if (parser.parse(simdjson::padded_string(err)).get(element) == simdjson::SUCCESS) {
    dom::element part;
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) message = JsonText(text);
    if (element["message"].get(part) == simdjson::SUCCESS)
      message = simdjson::minify(part);
    if (element["statusCode"].get(status) != simdjson::SUCCESS) status = 0;
    if (element["details"].get(part) == simdjson::SUCCESS)
      details = std::string(R"(,"details":)") + std::string(simdjson::minify(part));
  }
  constexpr int kNoStatus = 500;
  const bool usable = status >= 400 && status <= 599;
  return R0Error(usable ? static_cast<int>(status) : kNoStatus, message, url, details);
}

}  // namespace

http::Response R0Error(int status, std::string_view message_json, std::string_view url,
                       std::string_view extra) {
  http::Response response;
  response.status = status;
  auto& out = response.body = "{";
  AppendMember(out, "statusCode", static_cast<std::uint64_t>(status));
  AppendMemberName(out, "message");
  out += message_json;
  AppendMember(out, "error", http::ReasonOf(status));
  out += extra;
  AppendMember(out, "timestamp", Now());
  AppendMember(out, "path", url);
  out += '}';
  return response;
}

R0Exchange::R0Exchange(const http::Request& request, http::Responder responder,
                       telemetry::Logger& log)
    : responder_(std::move(responder)),
      log_(&log),
      since_(std::chrono::steady_clock::now()),
      method_(http::ToString(request.method)),
      url_(request.path),
      request_id_(request.request_id) {
  if (!request.query.empty()) url_.append("?").append(request.query);
}

void R0Exchange::AddHeader(std::string name, std::string value) {
  headers_.emplace_back(std::move(name), std::move(value));
}

void R0Exchange::Send(int status, std::string json) {
  http::Response response;
  response.status = status;
  response.body = std::move(json);
  Send(std::move(response));
}

void R0Exchange::Refuse(int status, std::string_view message) {
  Send(R0Error(status, JsonText(message), url_));
}

void R0Exchange::RefuseBody(const Error& error) {
  std::string messages = "[";
  for (const auto& field : error.fields()) {
    if (messages.size() > 1) messages += ',';
    AppendJsonString(messages, field.message);
  }
  Send(R0Error(http::StatusOf(error.code()), messages + ']', url_));
}

void R0Exchange::RefuseAnswer(const Result<rpc::Answer>& answer) {
  constexpr int kUnavailable = 503;
  constexpr int kFailed = 500;
  if (answer) return Send(FromService(answer->json, url_));
  log_->Warn("no answer from the identity service", {{"error", answer.error()}});
  if (answer.error().code() == ErrorCode::kUnavailable)
    return Refuse(kUnavailable, "The authentication service is not available.");
  Refuse(kFailed, answer.error().message());
}

void R0Exchange::Send(http::Response response) {
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - since_;
  log_->Info("request", {{"method", method_},
                         {"path", url_},
                         {"status", response.status},
                         {"ms", took.count()},
                         {telemetry::kRequestIdKey, request_id_}});
  response.headers = std::move(headers_);
  responder_.Send(std::move(response));
}

}  // namespace millrace::gateway
