#include "identity/access_tokens.hpp"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/json_member.hpp"

namespace millrace::identity {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kMicros = 1'000'000;
/// Longer ones are none of ours, and not worth the work.
constexpr std::size_t kMaxToken = 4096;
constexpr std::int64_t kSlackS = 60;

std::string TextOf(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

}  // namespace

AccessTokens::AccessTokens(const SigningKeys& keys, const Clock& clock,
                           AccessTokenOptions options)
    : keys_(keys), clock_(clock), options_(std::move(options)), ids_(clock, 0) {}

std::string AccessTokens::Issue(const TokenSubject& subject) {
  std::string id;
  {
    const std::scoped_lock lock(mutex_);
    AppendUuid(id, ids_.UuidV7());
  }
  const auto now = static_cast<std::uint64_t>(clock_.Now() / kMicros);
  std::string claims = "{";
  AppendMember(claims, "iss", options_.issuer);
  AppendMember(claims, "sub", subject.user_id);
  AppendMember(claims, "aud", options_.audience);
  AppendMember(claims, "iat", now);
  AppendMember(claims, "exp", now + static_cast<std::uint64_t>(options_.lifetime_s));
  AppendMember(claims, "jti", id);
  AppendMember(claims, "sid", subject.session_id);
  AppendMember(claims, "role", subject.role);
  if (!subject.tenant.empty()) AppendMember(claims, "tenant", subject.tenant);
  AppendMember(claims, "email", subject.email);
  return keys_.Sign(claims += '}');
}

std::optional<AccessClaims> AccessTokens::Verify(std::string_view token) const {
  if (token.size() > kMaxToken) return std::nullopt;
  const auto json = keys_.Verify(token);
  if (!json) return std::nullopt;
  dom::parser parser;
  dom::object object;
  if (parser.parse(simdjson::padded_string(*json)).get(object) != simdjson::SUCCESS)
    return std::nullopt;
  AccessClaims claims;
  if (object["iat"].get(claims.iat) != simdjson::SUCCESS ||
      object["exp"].get(claims.exp) != simdjson::SUCCESS ||
      TextOf(object, "iss") != options_.issuer ||
      TextOf(object, "aud") != options_.audience)
    return std::nullopt;
  const auto now = clock_.Now() / kMicros;
  // Where the lifetime was made shorter, the ends of sessions are kept for so long only.
  claims.exp = std::min(claims.exp, claims.iat + options_.lifetime_s);
  if (now >= claims.exp || claims.iat > now + kSlackS) return std::nullopt;
  claims.id = TextOf(object, "jti");
  claims.subject = {TextOf(object, "sub"), TextOf(object, "sid"), TextOf(object, "role"),
                    TextOf(object, "tenant"), TextOf(object, "email")};
  if (claims.subject.user_id.empty() || claims.subject.session_id.empty())
    return std::nullopt;
  return claims;
}

}  // namespace millrace::identity
