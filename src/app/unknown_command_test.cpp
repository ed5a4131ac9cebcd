#include "unknown_command.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

std::optional<std::string> Refuse(const std::vector<std::string>& words) {
  CLI::App app("", "millrace");
  app.require_subcommand(1);
  app.add_subcommand("serve")->add_option("--port");
  app.add_subcommand("secret")->group("");
  auto* log = app.add_subcommand("log");
  log->require_subcommand(1);
  log->add_subcommand("list");
  log->add_subcommand("tail");
  std::vector<std::string> last_first(words.rbegin(), words.rend());
  try {
    app.parse(last_first);
  } catch (const CLI::ParseError&) {
    return UnknownCommand(app);
  }
  return "accepted";
}

TEST(UnknownCommand, NamesTheWordAndWhatMayHaveBeenMeant) {
  struct Case {
    const char* name;
    std::vector<std::string> words;
    std::optional<std::string> says;
  };
  const Case cases[] = {
      {"near miss", {"sevre"}, R"(millrace has no command 'sevre'; did you mean serve?)"},
      {"far from all",
       {"nope"},
       R"(millrace has no command 'nope'; commands: serve, log)"},
      {"hidden ones are not told",
       {"secre"},
       R"(millrace has no command 'secre'; did you mean serve?)"},
      {"with flags behind it",
       {"sevre", "--port", "1"},
       R"(millrace has no command 'sevre'; did you mean serve?)"},
      {"of a group",
       {"log", "lst"},
       R"(millrace log has no command 'lst'; did you mean list?)"},
      {"no command at all", {}, std::nullopt},
      {"a flag in its place", {"--nope"}, std::nullopt},
      {"a wrong flag of a command", {"serve", "--nope"}, std::nullopt},
      {"a word too many", {"serve", "log2"}, std::nullopt},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Refuse(c.words), c.says);
  }
}

}  // namespace
}  // namespace millrace::app
