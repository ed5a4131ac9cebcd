#include <fmt/format.h>

#include <span>
#include <sstream>

#include "../exit_codes.hpp"
#include "../settings.hpp"
#include "base/file.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

constexpr auto kCommandsHead = R"(# Commands

From `--help`, by `./dev docs`; `millrace COMMAND --help` prints one of them. `TEXT=…` names a default. Data go to stdout,
everything else to stderr; `--json` where data are printed. What commands end with: [exit codes](exit-codes.md). Settings behind
`--set section.key=value`: [settings](settings.md). Sending many records: [import and replay](../guides/sending-records.md).

`sql`, `status`, `deadletters list`, `log`, `verify` and `backup` need only the data directory, with a server running or not.
`lake compact` needs a table's folder. `pipelines run` and `rebuild` need the server stopped.

```
)";

bool IsHelpOption(std::string_view line) {
  return line.starts_with("  -h,--help ") || line.starts_with("  --help-all ");
}

/// The help of every command below `app`, without what all of them have.
void PrintCommands(const CLI::App& app, const std::string& path, std::string& page) {
  const auto visible = [](const CLI::App* one) {
    return !one->get_name().empty() && !one->get_group().empty();
  };
  const auto commands = app.get_subcommands(visible);
  for (const auto* command : commands) {
    PrintCommands(*command, path + command->get_name() + " ", page);
  }
  if (!commands.empty()) return;
  page += fmt::format("{}{}\n", page.ends_with("```\n") ? "" : "\n",
                      std::string_view(path).substr(0, path.size() - 1));
  std::istringstream help(app.help());
  for (std::string line; std::getline(help, line);) {
    const bool blank = line.find_first_not_of(' ') == std::string::npos;
    if (blank || IsHelpOption(line) || line.starts_with("Usage: ")) continue;
    page += "  " + line + "\n";
  }
}

Status WritePages(const CLI::App& app, std::span<const config::Setting> settings,
                  const std::filesystem::path& directory) {
  std::string commands = kCommandsHead;
  PrintCommands(app, "", commands);
  const std::pair<std::string_view, std::string> pages[] = {
      {"cli.md", commands + "```\n"},
      {"settings.md", config::PrintReference(settings)},
  };
  MR_CHECK_OK(MakeDirs(directory));
  for (const auto& [name, page] : pages) {
    MR_CHECK_OK(WriteFileDurably(directory / name, page));
    fmt::print("{}\n", (directory / name).string());
  }
  return {};
}

/// The pages of docs/reference that the program knows best: `./dev docs` runs this.
int WriteReference(const CLI::App& app, const std::filesystem::path& directory) {
  // Texts and defaults only: what is in effect here does not reach the page.
  const auto settings = LoadSettings({}, {}, {});
  if (!settings) {
    for (const auto& line : settings.error()) fmt::print(stderr, "millrace: {}\n", line);
    return kBadProject;
  }
  const auto written = WritePages(app, settings->effective, directory);
  return written ? int{kOk} : Report(written.error());
}

}  // namespace

void AddReferenceCommand(CLI::App& app, Action& action) {
  auto directory = std::make_shared<std::filesystem::path>();
  auto* command = app.add_subcommand("reference", "write the pages of docs/reference");
  command->group("");  // for developers: not among the commands of --help
  command->add_option("--write", *directory, "directory of the pages")->required();
  command->callback([directory, &app, &action] {
    action = [directory, &app] { return WriteReference(app, *directory); };
  });
}

}  // namespace millrace::app
