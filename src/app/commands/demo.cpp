#include "../demo.hpp"

#include "command.hpp"

namespace millrace::app {

void AddDemoCommand(CLI::App& app, Action& action) {
  auto options = std::make_shared<DemoOptions>();
  auto* command = app.add_subcommand(
      "demo", "all flights of New York 2013 through every stage, with proof");
  command->add_option("--data", options->data,
                      "data directory (millrace-demo/month-N or millrace-demo/all)");
  command->add_option("--port", options->port, "TCP port; 0 picks a free one");
  command->add_option("--month", options->month, "which month")
      ->check(CLI::Range(1, 12))
      ->capture_default_str();
  command->add_flag("--all", options->all, "the whole year: 1,001,615 changes");
  command->add_flag("--exit", options->exit,
                    "end after the report; 0 only if all agrees");
  command->add_flag("--json", options->json, "the report as one JSON line on stdout");
  command
      ->add_option("--rate", options->rate, "operations a second (0: as fast as it goes)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--connections", options->connections, "connections of the client")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  command->add_option("--set", options->set,
                      "section.key=value, over file and environment");
  command->callback(
      [options, &action] { action = [options] { return RunDemo(*options); }; });
}

}  // namespace millrace::app
