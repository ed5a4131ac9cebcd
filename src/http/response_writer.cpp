#include "response_writer.hpp"

#include <ctime>

#include "ascii.hpp"
#include "base/json.hpp"
#include "http/problem.hpp"

namespace millrace::http::internal {
namespace {

constexpr std::string_view kJson = "application/json";

/// A value from the outside must not start a new header line.
void AppendHeaderValue(std::string& out, std::string_view value) {
  for (const char c : value) out += IsControl(c) && c != '\t' ? ' ' : c;
}

void AppendHeaders(std::string& out, const Response& response, const AnswerFrame& frame) {
  const bool may_have_body = response.status != 204 && response.status != 304;
  if (may_have_body && !response.body.empty()) {
    out += "Content-Type: ";
    AppendHeaderValue(out, response.content_type.empty()
                               ? kJson
                               : std::string_view(response.content_type));
    out += "\r\n";
  }
  if (may_have_body) {
    out += "Content-Length: ";
    AppendUint(out, response.body.size());
    out += "\r\n";
  }
  if (!frame.request_id.empty()) {
    out += "X-Request-Id: ";
    out += frame.request_id;
    out += "\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    AppendHeaderValue(out, name);
    out += ": ";
    AppendHeaderValue(out, value);
    out += "\r\n";
  }
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
  out += "HTTP/1.1 ";
  const bool valid = response.status >= 200 && response.status <= 599;
  const int status = valid ? response.status : 500;
  AppendInt(out, status);
  out += ' ';
  out += ReasonOf(status);
  out += "\r\n";
  out += frame.date_line;
  AppendHeaders(out, response, frame);
  out += "\r\n";
  if (!frame.head && status != 204 && status != 304) out += response.body;
}

}  // namespace millrace::http::internal
