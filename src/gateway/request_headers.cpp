#include "request_headers.hpp"

#include <strings.h>

#include <algorithm>
#include <string_view>

#include "base/bytes.hpp"
#include "http/message.hpp"

namespace millrace::gateway {
namespace {

constexpr std::size_t kMaxIdempotencyKey = 255;

Error BadHeader(std::string_view header, std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::string(header) + ": " + message,
               {{std::string(header), std::move(message)}});
}

bool HasHeader(const http::Request& request, std::string_view lower_case_name) {
  return std::ranges::any_of(request.headers, [&](const http::HeaderField& field) {
    return field.name.size() == lower_case_name.size() &&
           strncasecmp(field.name.data(), lower_case_name.data(), field.name.size()) == 0;
  });
}

std::string_view Unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

}  // namespace

Result<std::optional<records::Idempotency>> ReadIdempotency(
    const http::Request& request) {
  if (!HasHeader(request, "idempotency-key")) return std::nullopt;
  const auto key = Unquote(request.Header("idempotency-key"));
  const bool visible =
      std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
  if (key.empty() || key.size() > kMaxIdempotencyKey || !visible) {
    return Fail(BadHeader("Idempotency-Key",
                          "expected 1 to 255 visible ASCII characters, bare or quoted"));
  }
  records::Idempotency idempotency;
  idempotency.key = key;
  idempotency.scope = std::string(http::ToString(request.method));
  idempotency.scope += ' ';
  idempotency.scope += request.path;
  idempotency.request_hash = Hash64(request.body);
  return idempotency;
}

Result<std::optional<std::string>> ReadIfMatch(const http::Request& request) {
  if (!HasHeader(request, "if-match")) return std::nullopt;
  const auto header = request.Header("if-match");
  if (header.empty()) return Fail(BadHeader("If-Match", "is empty"));
  if (header == "*") return "*";
  if (header.find(',') != std::string_view::npos) {
    return Fail(BadHeader("If-Match", "expected one entity tag or *"));
  }
  // A tag that is no version of ours matches no record; the store compares text.
  return std::string(Unquote(header));
}

}  // namespace millrace::gateway
