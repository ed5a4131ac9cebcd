#include "unknown_command.hpp"

#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace millrace::app {

std::optional<std::string> UnknownCommand(const CLI::App& app) {
  const CLI::App* group = &app;
  while (!group->get_subcommands().empty()) group = group->get_subcommands().front();
  const auto rest = group->remaining();
  if (group->get_require_subcommand_min() == 0 || rest.empty() ||
      rest.front().starts_with('-')) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  const auto visible = [](const CLI::App* one) { return !one->get_group().empty(); };
  for (const auto* command : group->get_subcommands(visible)) {
    names.push_back(command->get_name());
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = NearMiss(rest.front(), candidates.data(), candidates.size());
  std::string path;
  for (const auto* at = group; at != nullptr; at = at->get_parent()) {
    path.insert(0, at->get_name() + " ");
  }
  std::string text = path + "has no command " + Excerpt(rest.front());
  if (!near.empty()) return text + "; did you mean " + std::string(near) + "?";
  text += "; commands:";
  for (const auto& name : names) text += (&name == names.data() ? " " : ", ") + name;
  return text;
}

}  // namespace millrace::app
