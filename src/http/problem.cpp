#include "http/problem.hpp"

#include "base/json.hpp"

namespace millrace::http {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

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
  if (error.retryable()) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response ProblemOf(int status, std::string_view code, std::string_view detail,
                   std::string_view instance, std::string_view request_id) {
  return Write({status, code, ReasonOf(status), detail, instance, request_id, {}});
}

std::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return {};
  }
}

}  // namespace millrace::http
