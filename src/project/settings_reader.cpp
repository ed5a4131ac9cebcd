#include "settings_reader.hpp"

#include <fmt/format.h>

#include "audit_reader.hpp"
#include "door_reader.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

/// {http: {port: 8080}} → "http.port": "8080". Whether there is such a setting is known
/// to the config room alone.
void Flatten(const Node& node, const std::string& prefix, config::GivenMap& settings,
             Report& report) {
  if (node.kind != Node::Kind::kMapping) {
    report.AddExpected(node, "settings, such as {http: {port: 8080}}");
    return;
  }
  for (const auto& [key, value] : node.members) {
    const auto name = prefix.empty() ? key.text : prefix + "." + key.text;
    if (value.kind == Node::Kind::kMapping) {
      Flatten(value, name, settings, report);
    } else if (value.kind != Node::Kind::kScalar) {
      report.AddExpected(value, fmt::format("a value for {}", Shown(name)));
    } else {
      const auto origin =
          fmt::format("{}:{}:{}", report.file(), value.line, value.column);
      if (!settings.emplace(name, config::Given{value.text, origin}).second)
        report.Add(key, fmt::format("{} is set twice", Shown(name)));
    }
  }
}

void ReadAuth(const Node& node, Project& project, Report& report) {
  const Keys keys(node, "auth", {"style"}, report);
  if (const auto style = ReadChoice<AuthStyle>(keys.Need("style", "r0"),
                                               {{"r0", AuthStyle::kR0}}, report))
    project.auth_style = *style;
  if (project.open_access)
    report.Add(node, "with `access: open` nobody has to log in: leave one of them out");
}

/// R0's door has its own rules (`throttle` in `settings`): what would be without effect
/// is refused.
void RefuseDoorOfR0(const Keys& keys, Report& report) {
  for (const std::string_view key : {"limits", "cors", "trusted_proxies"}) {
    if (const auto* node = keys.Find(key))
      report.Add(
          *node,
          fmt::format("{} has no effect with `auth: {{style: r0}}`: leave it out", key));
  }
}

}  // namespace

void ReadProjectFile(const Node& root, std::string_view content, Project& project,
                     Report& report) {
  const Keys keys(root, "millrace.yaml",
                  {"name", "access", "auth", "environment", "settings", "limits", "cors",
                   "trusted_proxies", "audit"},
                  report);
  if (const auto name = ReadName(keys.Need("name", "shop"), "a project name", report))
    project.name = *name;
  if (const auto open = ReadChoice<bool>(keys.Find("access"),
                                         {{"open", true}, {"closed", false}}, report))
    project.open_access = *open;
  if (const auto* auth = keys.Find("auth")) ReadAuth(*auth, project, report);
  const auto environment =
      ReadChoice<bool>(keys.Find("environment"), {{"r0", true}}, report);
  project.r0_environment = environment.value_or(project.auth_style == AuthStyle::kR0);
  project.door = ReadDoor(keys, report);
  if (project.auth_style == AuthStyle::kR0) RefuseDoorOfR0(keys, report);
  if (const auto* audit = keys.Find("audit")) ReadAudit(*audit, content, project, report);
  if (const auto* settings = keys.Find("settings"))
    Flatten(*settings, "", project.settings, report);
}

}  // namespace millrace::project
