#include "identity/introspection.hpp"

#include "base/json_member.hpp"

namespace millrace::identity {
namespace {

constexpr std::int64_t kMicros = 1'000'000;

void AppendSeconds(std::string& out, std::string_view name, std::int64_t seconds) {
  AppendMember(out, name, static_cast<std::uint64_t>(seconds));
}

std::string OfAccess(const AccessClaims& claims, const AccessTokenOptions& options) {
  std::string out = R"({"active":true,"token_type":"access_token")";
  const auto& subject = claims.subject;
  AppendMember(out, "iss", options.issuer);
  AppendMember(out, "aud", options.audience);
  AppendMember(out, "sub", subject.user_id);
  AppendMember(out, "username", subject.email);
  AppendMember(out, "sid", subject.session_id);
  AppendMember(out, "jti", claims.id);
  AppendMember(out, "role", subject.role);
  AppendMemberOrNull(out, "tenant", subject.tenant);
  AppendSeconds(out, "iat", claims.iat);
  AppendSeconds(out, "exp", claims.exp);
  return out += '}';
}

std::string OfKey(const query::Principal& who) {
  std::string out = R"({"active":true,"token_type":"api_key")";
  AppendMember(out, "client_id", who.key_id);
  AppendMemberOrNull(out, "role", who.role);
  AppendMemberOrNull(out, "tenant", who.tenant);
  AppendMember(out, "scope", who.scopes.empty() ? "*" : JoinScopes(who.scopes));
  if (who.expires_at > 0) AppendSeconds(out, "exp", who.expires_at);
  return out += '}';
}

std::string OfRefresh(const Sessions::Session& session) {
  std::string out = R"({"active":true,"token_type":"refresh_token")";
  AppendMember(out, "sub", session.user_id);
  AppendMember(out, "sid", session.id);
  AppendSeconds(out, "iat", session.used_at / kMicros);
  AppendSeconds(out, "exp", session.expires_at / kMicros);
  return out += '}';
}

}  // namespace

Result<std::string> Introspect(const TokenStores& stores, std::string_view token) {
  constexpr std::string_view kInactive = R"({"active":false})";
  if (const auto who = stores.keys.Check(token)) return OfKey(*who);
  if (const auto claims = stores.access.Verify(token)) {
    if (stores.sessions.Ended(claims->subject.session_id)) return std::string(kInactive);
    MR_TRY(const bool there, stores.exists(claims->subject.user_id));
    return there ? OfAccess(*claims, stores.access.options()) : std::string(kInactive);
  }
  const auto session = stores.sessions.Find(token);
  if (session) {
    MR_TRY(const bool there, stores.exists(session->user_id));
    return there ? OfRefresh(*session) : std::string(kInactive);
  }
  if (session.error().code() != ErrorCode::kNotFound) return Fail(session.error());
  return std::string(kInactive);
}

Result<std::string> Revoke(const TokenStores& stores, std::string_view token) {
  std::string session_id;
  if (const auto claims = stores.access.Verify(token)) {
    session_id = claims->subject.session_id;
  } else if (const auto session = stores.sessions.Find(token)) {
    session_id = session->id;
  } else if (session.error().code() != ErrorCode::kNotFound) {
    return Fail(session.error());
  }
  if (session_id.empty()) return session_id;
  const auto ended = stores.sessions.End(session_id);
  if (ended) return session_id;
  if (ended.error().code() == ErrorCode::kNotFound) return std::string();
  return Fail(ended.error());
}

}  // namespace millrace::identity
