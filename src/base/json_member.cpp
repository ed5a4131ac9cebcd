#include "base/json_member.hpp"

#include "base/json.hpp"

namespace millrace {

void AppendMemberName(std::string& out, std::string_view name) {
  if (!out.ends_with('{')) out += ',';
  AppendJsonKey(out, name);
}

void AppendMember(std::string& out, std::string_view name, std::string_view text) {
  AppendMemberName(out, name);
  AppendJsonString(out, text);
}

void AppendMember(std::string& out, std::string_view name, std::uint64_t number) {
  AppendMemberName(out, name);
  AppendUint(out, number);
}

void AppendFlagMember(std::string& out, std::string_view name, bool flag) {
  AppendMemberName(out, name);
  out += flag ? "true" : "false";
}

void AppendMemberOrNull(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) return AppendMember(out, name, text);
  AppendMemberName(out, name);
  out += "null";
}

}  // namespace millrace
