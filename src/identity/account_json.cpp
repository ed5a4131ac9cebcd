#include "account_json.hpp"

#include "base/json.hpp"
#include "base/json_member.hpp"

namespace millrace::identity {

std::string TimeLiteral(TimestampUs at) {
  if (at == 0) return "null";
  std::string out = "\"";
  AppendTimestamp(out, at);
  return out += '"';
}

std::string TextList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) {
    if (out.size() > 1) out += ',';
    AppendJsonString(out, text);
  }
  return out += ']';
}

std::string UserObject(std::string_view document, const Credential& credential) {
  std::string out(document.substr(0, document.size() - 1));
  AppendMember(out, "role", credential.role);
  AppendMemberOrNull(out, "tenant", credential.tenant);
  return out += '}';
}

std::string KeyObject(const query::Principal& who) {
  std::string out = "{";
  AppendMember(out, "key_id", who.key_id);
  AppendMemberOrNull(out, "role", who.role);
  AppendMemberOrNull(out, "tenant", who.tenant);
  AppendMemberName(out, "scopes");
  out += TextList(who.scopes);
  return out += '}';
}

std::string SessionList(const std::vector<Sessions::Session>& sessions,
                        std::string_view current) {
  std::string out = R"({"items":[)";
  for (const auto& session : sessions) {
    out += out.ends_with('[') ? "{" : ",{";
    AppendMember(out, "id", session.id);
    AppendMemberName(out, "created_at");
    out += TimeLiteral(session.created_at);
    AppendMemberName(out, "used_at");
    out += TimeLiteral(session.used_at);
    AppendMemberName(out, "expires_at");
    out += TimeLiteral(session.expires_at);
    AppendMember(out, "address", session.address);
    AppendMember(out, "user_agent", session.agent);
    AppendFlagMember(out, "current", session.id == current);
    out += '}';
  }
  return out += "]}";
}

}  // namespace millrace::identity
