#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace millrace::http::internal {

/// The "Date: …\r\n" line of the present second; made anew only when the second changed,
/// so that no timer is needed to keep it.
class DateLine {
 public:
  std::string_view Now();

 private:
  std::int64_t second_ = -1;
  std::string line_;
};

/// What an answer needs to know of its request.
struct AnswerFrame {
  std::string_view date_line;
  std::string_view request_id;
  std::string_view traceparent;  ///< well-formed, or empty
  std::string_view headers;      ///< whole lines, beside those of the response
  bool head = false;             ///< the body is counted, not sent
  bool keep_alive = true;
  bool http11 = true;
};

/// Appends a whole HTTP/1.1 response.
void AppendResponse(std::string& out, const Response& response, const AnswerFrame& frame);

/// Appends the head of an answer that ends with its connection, or of an upgrade (101):
/// the frame's date, request id and headers.
void AppendStreamHead(std::string& out, const Response& head, const AnswerFrame& frame);

}  // namespace millrace::http::internal
