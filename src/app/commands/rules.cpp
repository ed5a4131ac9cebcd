#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "../access_report.hpp"
#include "../exit_codes.hpp"
#include "../project_loading.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

struct RulesFlags {
  std::filesystem::path project = ".";
  std::string name;
  std::string as;
  bool json = false;
};

Status Explain(const RulesFlags& flags) {
  const auto project = project::Load(flags.project);
  if (!project) return Fail(ErrorOf(project.error()));
  std::optional<query::Principal> who;
  if (!flags.as.empty()) {
    MR_TRY(who, ReadPrincipal(flags.as));
  }
  MR_TRY(const auto report, ReportAccess(*project, flags.name, std::move(who)));
  fmt::print("{}", flags.json ? report.ToJson() + "\n" : report.ToText());
  return {};
}

}  // namespace

void AddRulesCommands(CLI::App& app, Action& action) {
  auto flags = std::make_shared<RulesFlags>();
  auto* rules =
      app.add_subcommand("rules", "who may do what with records, events and rows");
  rules->require_subcommand(1);
  auto* explain = rules->add_subcommand("explain", "say what access rules open to whom");
  explain
      ->add_option("NAME", flags->name,
                   "a collection or stream, or a table: orders, table.orders (where a "
                   "collection is called so) or lake.orders_history")
      ->required();
  explain->add_option("--as", flags->as,
                      "user=ID,role=ROLE,tenant=TENANT,key=ID,claims.NAME=VALUE, or "
                      "nobody: what remains for them");
  explain->add_option("--project", flags->project, "project directory")
      ->capture_default_str();
  explain->add_flag("--json", flags->json, "as JSON");
  explain->callback([flags, &action] {
    action = [flags] {
      const auto done = Explain(*flags);
      return done ? kOk : Report(done.error());
    };
  });
}

}  // namespace millrace::app
