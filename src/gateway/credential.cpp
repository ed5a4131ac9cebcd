#include "gateway/credential.hpp"

#include <algorithm>

#include "identity/authenticator.hpp"

namespace millrace::gateway {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

std::optional<std::string_view> BearerToken(const http::Request& request) {
  constexpr std::string_view kScheme = "bearer";
  const auto header = request.Header("authorization");
  const auto blank = header.find_first_of(" \t");
  if (blank != kScheme.size()) return std::nullopt;
  const bool bearer = std::ranges::equal(
      header.substr(0, blank), kScheme,
      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
  const auto begin = header.find_first_not_of(" \t", blank);
  if (!bearer || begin == std::string_view::npos) return std::nullopt;
  // find_first_of would look each of a token's hundreds of characters up in the set.
  const auto rest = header.substr(begin);
  return rest.substr(
      0, static_cast<std::size_t>(std::ranges::find_if(rest, IsBlank) - rest.begin()));
}

Result<std::string_view> CredentialOf(const http::Request& request) {
  const auto given = std::ranges::count_if(request.headers, [](const auto& header) {
    return header.Is("authorization") || header.Is("x-api-key");
  });
  if (given == 0) return std::string_view();
  if (given > 1) return Fail(identity::InvalidToken());
  const auto key = request.Header("x-api-key");
  if (!key.empty()) return key;
  const auto header = request.Header("authorization");
  const auto token = BearerToken(request);
  const bool last =
      token && token->data() + token->size() == header.data() + header.size();
  if (!last) return Fail(identity::InvalidToken());
  return *token;
}

}  // namespace millrace::gateway
