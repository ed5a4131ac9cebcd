#include "server_socket.hpp"

#include <utility>

#include "collection_json.hpp"
#include "data_directory.hpp"
#include "http/query.hpp"

namespace millrace::app {
namespace {

/// Longer than the longest work of a request: a query of /admin/sql.
constexpr std::chrono::minutes kAnswerWithin{11};

/// What the server's own error was, by the type of its problem: a status stands for
/// several.
ErrorCode CodeOf(const http::ClientResponse& response) {
  constexpr std::string_view kType = "urn:millrace:error:";
  const auto type = TextMember(response.body, "type");
  for (int i = 0; i <= static_cast<int>(ErrorCode::kFenced); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (type == std::string(kType) + std::string(ToString(code))) return code;
  }
  switch (response.status) {
    case 400:
      return ErrorCode::kInvalidArgument;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 413:
      return ErrorCode::kTooLarge;
    case 504:
      return ErrorCode::kDeadlineExceeded;
    case 507:
      return ErrorCode::kResourceExhausted;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

void AppendParameter(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  http::AppendPercentEncoded(target, value);
}

Result<ServerSocket> ServerSocket::Connect(const std::filesystem::path& data,
                                           Deadline until) {
  MR_TRY(auto client,
         http::Client::Connect({.unix_socket = DataPaths{data}.socket()}, until));
  return ServerSocket(std::move(client));
}

Result<std::string> ServerSocket::Ask(http::Method method, std::string_view target,
                                      std::string_view body) {
  MR_TRY(auto response, Send(method, target, body, {}));
  if (response.status == 200) return std::move(response.body);
  return Fail(ErrorOf(response));
}

Result<http::ClientResponse> ServerSocket::Send(http::Method method,
                                                std::string_view target,
                                                std::string_view body,
                                                const http::Client::Headers& headers) {
  return client_.Send(method, target, body, headers, Deadline::After(kAnswerWithin));
}

Error ServerSocket::ErrorOf(const http::ClientResponse& response) {
  return {CodeOf(response), TextMember(response.body, "detail")};
}

}  // namespace millrace::app
