#include "response_writer.hpp"

#include <ctime>

#include "ascii.hpp"
#include "base/json.hpp"
#include "http/problem.hpp"

namespace millrace::http::internal {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProblemJson = "application/problem+json";
/// Of a traceparent: "00-<32 hex digits>-…".
constexpr std::size_t kTraceIdAt = 3, kTraceIdSize = 32;

/// A value from the outside must not start a new header line.
void AppendHeaderValue(std::string& out, std::string_view value) {
  for (const char c : value) out += IsControl(c) && c != '\t' ? ' ' : c;
}

void AppendContentType(std::string& out, const Response& response) {
  out += "Content-Type: ";
  AppendHeaderValue(out, response.content_type.empty()
                             ? kJson
                             : std::string_view(response.content_type));
  out += "\r\n";
}

void AppendLine(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) out.append(name).append(": ").append(value).append("\r\n");
}

void AppendOwnHeaders(std::string& out, const Response& response,
                      const AnswerFrame& frame) {
  AppendLine(out, "X-Request-Id", frame.request_id);
  AppendLine(out, "traceparent", frame.traceparent);
  for (const auto& [name, value] : response.headers) {
    AppendHeaderValue(out, name);
    out += ": ";
    AppendHeaderValue(out, value);
    out += "\r\n";
  }
}

void AppendStatusLine(std::string& out, int status, std::string_view date_line) {
  out += "HTTP/1.1 ";
  AppendInt(out, status);
  out += ' ';
  out += ReasonOf(status);
  out += "\r\n";
  out += date_line;
}

/// A last member of a problem's object: the trace that its request belongs to.
std::string TraceMember(const Response& response, std::string_view traceparent) {
  if (traceparent.empty() || response.content_type != kProblemJson) return {};
  std::string out = ",\"trace_id\":\"";
  return out.append(traceparent.substr(kTraceIdAt, kTraceIdSize)).append("\"}");
}

void AppendHeaders(std::string& out, const Response& response, const AnswerFrame& frame,
                   std::size_t body_size) {
  const bool may_have_body = response.status != 204 && response.status != 304;
  if (may_have_body && !response.body.empty()) AppendContentType(out, response);
  if (may_have_body) {
    out += "Content-Length: ";
    AppendUint(out, body_size);
    out += "\r\n";
  }
  AppendOwnHeaders(out, response, frame);
  out += frame.headers;
  if (!frame.keep_alive) {
    out += "Connection: close\r\n";
  } else if (!frame.http11) {
    out += "Connection: keep-alive\r\n";
  }
}

}  // namespace

std::string_view DateLine::Now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != second_) {
    second_ = now.tv_sec;
    std::tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);
    char text[48];
    // The process never calls setlocale, so that the names are the English ones.
    const auto size =
        std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    line_.assign(text, size);
  }
  return line_;
}

void AppendResponse(std::string& out, const Response& response,
                    const AnswerFrame& frame) {
  const bool valid = response.status >= 200 && response.status <= 599;
  const int status = valid ? response.status : 500;
  AppendStatusLine(out, status, frame.date_line);
  std::string_view body = response.body;
  const auto trace = TraceMember(response, frame.traceparent);
  if (!trace.empty()) body.remove_suffix(1);
  AppendHeaders(out, response, frame, body.size() + trace.size());
  out += "\r\n";
  if (!frame.head && status != 204 && status != 304) out.append(body).append(trace);
}

void AppendStreamHead(std::string& out, const Response& head, const AnswerFrame& frame) {
  const bool upgrade = head.status == 101;
  AppendStatusLine(out, head.status, frame.date_line);
  if (!upgrade) AppendContentType(out, head);
  AppendOwnHeaders(out, head, frame);
  out += frame.headers;
  if (!upgrade) out += "Connection: close\r\n";
  out += "\r\n";
}

}  // namespace millrace::http::internal
