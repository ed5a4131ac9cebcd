#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"
#include "config/config.hpp"

namespace millrace::config {
namespace {

std::string_view SectionOf(std::string_view key) { return key.substr(0, key.rfind('.')); }

void AppendMember(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  AppendJsonKey(out, name);
  AppendJsonString(out, value);
}

/// "|" would end a cell of a Markdown table.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string VariableOf(std::string_view key) {
  std::string out = "MILLRACE__";
  for (const char c : key) {
    if (c == '.')
      out += "__";
    else
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

}  // namespace

std::string PrintText(std::span<const Setting> settings) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const auto& setting : settings) {
    key_width = std::max(key_width, setting.key.size());
    value_width = std::max(value_width, setting.value.size());
  }
  std::string out;
  for (const auto& setting : settings) {
    out += fmt::format("{:<{}}  {:<{}}  {}", setting.key, key_width, setting.value,
                       value_width, ToString(setting.origin));
    if (!setting.where.empty()) out += fmt::format(" ({})", setting.where);
    out += '\n';
  }
  return out;
}

std::string PrintJson(std::span<const Setting> settings) {
  std::string out = "[";
  for (const auto& setting : settings) {
    if (out.size() > 1) out += ',';
    out += '{';
    AppendMember(out, "key", setting.key);
    AppendMember(out, "value", setting.value);
    AppendMember(out, "default", setting.default_value);
    AppendMember(out, "origin", ToString(setting.origin));
    AppendMember(out, "where", setting.where);
    out += '}';
  }
  return out + "]";
}

std::string PrintReference(std::span<const Setting> settings) {
  std::string out;
  std::string_view section;
  for (const auto& setting : settings) {
    if (SectionOf(setting.key) != section) {
      section = SectionOf(setting.key);
      out += fmt::format(
          "\n## {}\n\n| setting | default | expected | what it is for |\n"
          "|---|---|---|---|\n",
          section);
    }
    out += fmt::format(
        "| `{}`<br>`{}` | {} | {} | {} |\n", setting.key, VariableOf(setting.key),
        setting.default_value.empty() ? "" : "`" + Cell(setting.default_value) + "`",
        Cell(setting.expected), Cell(setting.help));
  }
  return out;
}

}  // namespace millrace::config
