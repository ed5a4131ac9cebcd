#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::http {

enum class Method : std::uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kPatch,
  kDelete,
  kOptions,
  kOther,
};
/// "GET"; kOther as "OTHER".
std::string_view ToString(Method method);

struct HeaderField {
  std::string_view name;   ///< as received
  std::string_view value;  ///< without the blanks around it

  /// Whether it is the header of that name, in whatever case it came.
  bool Is(std::string_view lower_case_name) const;
};

struct PathParam {
  std::string_view name;   ///< as in the route's pattern
  std::string_view value;  ///< percent-decoded; never empty
};

/// One request with its whole body. All views die when the handler returns: an answer
/// that comes later copies what it needs.
struct Request {
  Method method = Method::kOther;
  std::string_view path;   ///< raw, not decoded; begins with "/"
  std::string_view query;  ///< raw, without "?"; see ParseQuery
  /// At least kBodyPadding readable bytes (of any value) follow it.
  std::string_view body;
  std::span<const HeaderField> headers;
  std::span<const PathParam> params;
  /// X-Request-Id of the caller when well-formed, otherwise made here; sent back as such.
  std::string_view request_id;
  /// IP address of the other end of the connection; empty for a Unix socket.
  std::string_view peer;
  /// W3C trace context as received; empty where there is none that is well-formed. Goes
  /// out again with the answer, and as `trace_id` in problems.
  std::string_view traceparent;
  bool takes_gzip = false;  ///< by Accept-Encoding

  /// First header of that name, or empty.
  std::string_view Header(std::string_view lower_case_name) const;
  /// Path parameter, decoded; empty if the route has none of that name.
  std::string_view Param(std::string_view name) const;
};

/// As many bytes as simdjson reads past the end.
inline constexpr std::size_t kBodyPadding = 64;

struct Response {
  int status = 200;
  /// Empty: application/json. Left out when there is no body.
  std::string content_type{};
  std::string body{};
  /// Beside Date, Content-Type, Content-Length, Connection and X-Request-Id, which the
  /// server writes. Control characters in values are sent as blanks.
  std::vector<std::pair<std::string, std::string>> headers{};
};

}  // namespace millrace::http
