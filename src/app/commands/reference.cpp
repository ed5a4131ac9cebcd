#include <fmt/format.h>

#include "../exit_codes.hpp"
#include "../settings.hpp"
#include "base/file.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

/// The pages of docs/reference that the program knows best: `./dev docs` runs this.
int WriteReference(const std::filesystem::path& directory) {
  // Texts and defaults only: what is in effect here does not reach the page.
  const auto settings = LoadSettings({}, {}, {});
  if (!settings) {
    for (const auto& line : settings.error()) fmt::print(stderr, "millrace: {}\n", line);
    return kBadProject;
  }
  if (const auto made = MakeDirs(directory); !made) return Report(made.error());
  const auto file = directory / "settings.md";
  const auto written =
      WriteFileDurably(file, config::PrintReference(settings->effective));
  if (!written) return Report(written.error());
  fmt::print("{}\n", file.string());
  return kOk;
}

}  // namespace

void AddReferenceCommand(CLI::App& app, Action& action) {
  auto directory = std::make_shared<std::filesystem::path>();
  auto* command = app.add_subcommand("reference", "write the pages of docs/reference");
  command->group("");  // for developers: not among the commands of --help
  command->add_option("--write", *directory, "directory of the pages")->required();
  command->callback([directory, &action] {
    action = [directory] { return WriteReference(*directory); };
  });
}

}  // namespace millrace::app
