#include <fmt/format.h>

#include <algorithm>

#include "base/json_member.hpp"
#include "config/config.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view kReferenceHead = R"(# Settings

Made from the settings' own list; do not edit. `millrace config` prints what is in effect,
and where each value comes from.

A setting is taken from the first of these that gives it:

1. a flag: `--set http.port=9000`
2. the environment: `MILLRACE__HTTP__PORT=9000`
3. the project file, `millrace.yaml`: `settings: {http: {port: 9000}}`
4. its default

Names that no setting has are refused everywhere. Sizes are written as `512` (bytes), `64KiB`,
`8MiB` or `1GiB`, durations as `50ms`, `60s`, `5m` or `24h`. A secret can stand in a file of
its own: `section.name_file` (`MILLRACE__SECTION__NAME_FILE`) names it, from the project
directory on if it is relative and given in `millrace.yaml`; secrets are printed as `***`.
)";

std::string_view SectionOf(std::string_view key) { return key.substr(0, key.rfind('.')); }

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
  std::string out(kReferenceHead);
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
