#include "http/problem.hpp"

#include "base/json.hpp"

namespace millrace::http {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

struct Reason {
  int status;
  std::string_view text;
};

constexpr Reason kReasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

std::string_view TitleOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "The request is not valid";
    case ErrorCode::kUnauthenticated:
      return "Credentials are missing or wrong";
    case ErrorCode::kPermissionDenied:
      return "Not permitted";
    case ErrorCode::kNotFound:
      return "Not found";
    case ErrorCode::kConflict:
      return "Conflict with the present state";
    case ErrorCode::kResourceExhausted:
      return "No room left";
    case ErrorCode::kOutOfRange:
      return "The position is gone";
    case ErrorCode::kDeadlineExceeded:
      return "Not finished in time";
    case ErrorCode::kUnavailable:
      return "Not available at the moment";
    case ErrorCode::kDataLoss:
      return "Stored data are damaged";
    case ErrorCode::kInternal:
      return "Internal error";
    case ErrorCode::kPreconditionFailed:
      return "A precondition does not hold";
    case ErrorCode::kTooLarge:
      return "Too large";
    case ErrorCode::kUnprocessable:
      return "The request cannot be processed";
    case ErrorCode::kFenced:
      return "Another writer has taken over";
  }
  return "Internal error";
}

void AppendMember(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out += out.size() > 1 ? "," : "";
  AppendJsonKey(out, key);
  AppendJsonString(out, value);
}

void AppendFields(std::string& out, const std::vector<FieldError>& fields) {
  if (fields.empty()) return;
  out += ",\"errors\":[";
  for (const FieldError& field : fields) {
    if (&field != &fields.front()) out += ',';
    out += "{\"pointer\":";
    AppendJsonString(out, field.pointer);
    out += ",\"detail\":";
    AppendJsonString(out, field.message);
    out += '}';
  }
  out += ']';
}

struct ProblemParts {
  int status;
  std::string_view code;
  std::string_view title;
  std::string_view detail;
  std::string_view instance;
  std::string_view request_id;
  const std::vector<FieldError>& fields;
};

Response Write(const ProblemParts& parts) {
  Response response;
  response.status = parts.status;
  response.content_type = kProblemType;
  std::string& out = response.body;
  out += '{';
  AppendMember(out, "type", "urn:millrace:error:" + std::string(parts.code));
  AppendMember(out, "title", parts.title);
  out += ",\"status\":";
  AppendInt(out, parts.status);
  AppendMember(out, "detail", parts.detail);
  AppendMember(out, "instance", parts.instance);
  AppendFields(out, parts.fields);
  AppendMember(out, "request_id", parts.request_id);
  out += '}';
  return response;
}

}  // namespace

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kOutOfRange:
      return 410;
    case ErrorCode::kPreconditionFailed:
      return 412;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnprocessable:
      return 422;
    case ErrorCode::kDataLoss:
    case ErrorCode::kInternal:
      return 500;
    case ErrorCode::kUnavailable:
    case ErrorCode::kFenced:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
    case ErrorCode::kResourceExhausted:
      return 507;
  }
  return 500;
}

Response Problem(const Error& error, std::string_view instance,
                 std::string_view request_id) {
  const bool internal = error.code() == ErrorCode::kInternal;
  const std::string_view detail =
      internal ? "the cause is in the server's log, under this request_id"
               : std::string_view(error.message());
  auto response =
      Write({StatusOf(error.code()), ToString(error.code()), TitleOf(error.code()),
             detail, instance, request_id, error.fields()});
  if (error.code() == ErrorCode::kUnauthenticated)
    response.headers.emplace_back("WWW-Authenticate", R"(Bearer error="invalid_token")");
  if (error.retryable()) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response ProblemOf(int status, std::string_view code, std::string_view detail,
                   std::string_view instance, std::string_view request_id) {
  return Write({status, code, ReasonOf(status), detail, instance, request_id, {}});
}

std::string_view ReasonOf(int status) {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  return {};
}

}  // namespace millrace::http
