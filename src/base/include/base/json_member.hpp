#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// Members of a JSON object under construction: `"name":value`, after a comma unless
/// `out` ends with the object's `{`. Text is escaped as by AppendJsonString.
void AppendMember(std::string& out, std::string_view name, std::string_view text);
void AppendMember(std::string& out, std::string_view name, std::uint64_t number);
/// true or false; another name, since text literals would turn into bool.
void AppendFlagMember(std::string& out, std::string_view name, bool flag);
/// null instead of empty text.
void AppendMemberOrNull(std::string& out, std::string_view name, std::string_view text);
/// The name alone: what follows is the caller's.
void AppendMemberName(std::string& out, std::string_view name);

}  // namespace millrace
