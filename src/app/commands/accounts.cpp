#include <fmt/format.h>

#include <functional>
#include <optional>

#include "../account_desk.hpp"
#include "../collection_json.hpp"
#include "../exit_codes.hpp"
#include "../json_view.hpp"
#include "../secret_input.hpp"
#include "base/json_member.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

struct AccountFlags {
  std::filesystem::path data = "data", project = ".";
  bool json = false;
  std::string subject;  ///< e-mail, user, key or token
  std::string name, expires, password_file, hash_file, token_file;
  std::optional<std::string> role, tenant;
  std::vector<std::string> scopes, fields;
  bool enabled = false, drop = false;
};

using Printer = std::function<void(const std::string& json)>;

/// Runs an action and prints what it gives, as JSON or by `print`.
int Administer(const AccountFlags& flags, std::string_view action,
               const std::string& body, const Printer& print) {
  // What only looks or changes would make an empty directory of a misspelt name.
  const bool create = action == "users/add" || action == "keys/create";
  const auto desk = AccountDesk::Open(flags.data, flags.project, create);
  if (!desk) return desk.error();
  const auto answer = (*desk)->Run(action, body);
  if (!answer) {
    const int code = Report(answer.error());
    // Not the data directory: an address that is taken.
    return answer.error().code() == ErrorCode::kConflict ? kFailed : code;
  }
  if (flags.json) {
    fmt::print("{}\n", *answer);
  } else {
    print(*answer);
  }
  return kOk;
}

/// {"name":"text",…} of those that are given.
class Body {
 public:
  Body& Add(std::string_view name, const std::optional<std::string>& text) {
    if (text) AppendMember(json_, name, *text);
    return *this;
  }
  Body& AddIf(bool given, std::string_view name, const std::string& text) {
    return given ? Add(name, text) : *this;
  }
  Body& Flag(std::string_view name, bool flag) {
    AppendFlagMember(json_, name, flag);
    return *this;
  }
  std::string Take() { return std::move(json_) + '}'; }

 private:
  std::string json_ = "{";
};

std::string OrDash(std::string text) { return text.empty() ? "-" : std::move(text); }

void PrintUsers(const std::string& json) {
  constexpr auto kLine = "{:<36}  {:<32}  {:<12}  {:<12}  {}\n";
  fmt::print(kLine, "id", "email", "role", "tenant", "state");
  for (const auto& user : ItemsOf(json).items) {
    const bool disabled = user.contains(R"("disabled":true)");
    fmt::print(kLine, TextMember(user, "id"), TextMember(user, "email"),
               TextMember(user, "role"), OrDash(TextMember(user, "tenant")),
               disabled ? "disabled" : "-");
  }
}

void PrintUser(const std::string& json) { PrintUsers(R"({"items":[)" + json + "]}"); }

void PrintKeys(const std::string& json) {
  constexpr auto kLine = "{:<16}  {:<20}  {:<12}  {:<12}  {:<28}  {}\n";
  fmt::print(kLine, "key", "name", "role", "tenant", "expires", "state");
  for (const auto& key : ItemsOf(json).items) {
    const auto revoked = TextMember(key, "revoked_at");
    fmt::print(kLine, TextMember(key, "prefix"), TextMember(key, "name"),
               OrDash(TextMember(key, "role")), OrDash(TextMember(key, "tenant")),
               OrDash(TextMember(key, "expires_at")),
               revoked.empty() ? "-" : "revoked " + revoked);
  }
}

void PrintDone(const std::string&) { fmt::print("done\n"); }
void PrintJson(const std::string& json) { fmt::print("{}\n", json); }

void AddCommon(CLI::App& command, AccountFlags& flags) {
  command.add_option("--data", flags.data, "data directory")->capture_default_str();
  command
      .add_option("--project", flags.project, "project directory, where no server runs")
      ->capture_default_str();
  command.add_flag("--json", flags.json, "as JSON");
}

/// A subcommand that runs `work` with flags of its own, which `add` declares.
template <typename Add, typename Work>
void AddCommand(CLI::App& group, const std::string& name, const std::string& help,
                Action& action, Add add, Work work) {
  auto flags = std::make_shared<AccountFlags>();
  auto* command = group.add_subcommand(name, help);
  add(*command, *flags);
  AddCommon(*command, *flags);
  command->callback(
      [flags, work, &action] { action = [flags, work] { return work(*flags); }; });
}

void AddPasswordFlag(CLI::App& command, AccountFlags& flags) {
  command.add_option("--password-file", flags.password_file,
                     "its first line is the password; - is standard input");
}

/// The password of a new user: from a file, as a hash, or asked for.
Result<std::pair<std::string, std::string>> PasswordOf(const AccountFlags& flags) {
  if (!flags.hash_file.empty()) {
    MR_TRY(auto hash, ReadSecret(flags.hash_file));
    return std::pair(std::string("password_hash"), std::move(hash));
  }
  MR_TRY(auto password, flags.password_file.empty()
                            ? AskSecret("password", "--password-file")
                            : ReadSecret(flags.password_file));
  return std::pair(std::string("password"), std::move(password));
}

int AddUser(const AccountFlags& flags) {
  const auto password = PasswordOf(flags);
  if (!password) return Report(password.error());
  Body body;
  body.Add("email", flags.subject).Add(password->first, password->second);
  body.Add("role", flags.role).Add("tenant", flags.tenant);
  for (const auto& field : flags.fields) {
    const auto equal = field.find('=');
    body.Add(field.substr(0, equal), field.substr(equal + 1));
  }
  return Administer(flags, "users/add", body.Take(), PrintUser);
}

int SetUser(const AccountFlags& flags) {
  Body body;
  body.Add("user", flags.subject).Add("role", flags.role).Add("tenant", flags.tenant);
  if (!flags.password_file.empty()) {
    const auto password = ReadSecret(flags.password_file);
    if (!password) return Report(password.error());
    body.Add("password", *password);
  }
  if (flags.enabled) body.Flag("disabled", false);
  return Administer(flags, "users/set", body.Take(), PrintUser);
}

void AddUserCommands(CLI::App& app, Action& action) {
  auto* group = app.add_subcommand("users", "the users of a closed project");
  group->require_subcommand(1);
  const auto user = [](CLI::App& command, AccountFlags& flags) {
    command.add_option("USER", flags.subject, "e-mail address or id")->required();
  };
  AddCommand(
      *group, "list", "who they are", action, [](auto&, auto&) {},
      [](const AccountFlags& flags) {
        return Administer(flags, "users/list", "{}", PrintUsers);
      });
  AddCommand(
      *group, "add", "make one, such as the first administrator", action,
      [](CLI::App& command, AccountFlags& flags) {
        command.add_option("EMAIL", flags.subject, "e-mail address")->required();
        command.add_option("--role", flags.role, "auth.role of rules; user by default");
        command.add_option("--tenant", flags.tenant, "auth.tenant of rules");
        command.add_option("--set", flags.fields, "FIELD=TEXT of the record; repeatable")
            ->check([](const std::string& text) {
              return text.contains('=') && !text.starts_with('=')
                         ? std::string()
                         : "expected FIELD=TEXT, got " + text;
            });
        AddPasswordFlag(command, flags);
        command.add_option("--hash-file", flags.hash_file,
                           "instead: its first line is a bcrypt or argon2id hash");
      },
      AddUser);
  AddCommand(
      *group, "set", "change rights or the password; ends all sessions", action,
      [user](CLI::App& command, AccountFlags& flags) {
        user(command, flags);
        command.add_option("--role", flags.role, "auth.role of rules");
        command.add_option("--tenant", flags.tenant, "auth.tenant of rules; '' is none");
        command.add_flag("--enabled", flags.enabled, "let a disabled one in again");
        AddPasswordFlag(command, flags);
      },
      SetUser);
  AddCommand(*group, "disable", "let nobody in as this user; ends all sessions", action,
             user, [](const AccountFlags& flags) {
               return Administer(
                   flags, "users/set",
                   Body().Add("user", flags.subject).Flag("disabled", true).Take(),
                   PrintUser);
             });
  AddCommand(*group, "remove", "delete the user with the record; ends all sessions",
             action, user, [](const AccountFlags& flags) {
               return Administer(flags, "users/remove",
                                 Body().Add("user", flags.subject).Take(), PrintDone);
             });
}

int CreateKey(const AccountFlags& flags) {
  std::string scopes;
  for (const auto& scope : flags.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  Body body;
  body.Add("name", flags.subject).Add("role", flags.role).Add("tenant", flags.tenant);
  body.AddIf(!scopes.empty(), "scopes", scopes);
  body.AddIf(!flags.expires.empty(), "expires_in", flags.expires);
  return Administer(flags, "keys/create", body.Take(), [](const std::string& json) {
    fmt::print("{}\n", TextMember(json, "key"));
    fmt::print(stderr, "This is the only time it is shown.\n");
  });
}

void AddKeyCommands(CLI::App& app, Action& action) {
  auto* group = app.add_subcommand("keys", "API keys of a closed project");
  group->require_subcommand(1);
  AddCommand(
      *group, "create", "make one and print it, once", action,
      [](CLI::App& command, AccountFlags& flags) {
        command.add_option("NAME", flags.subject, "what it is for")->required();
        command.add_option("--role", flags.role, "auth.role of rules");
        command.add_option("--tenant", flags.tenant, "auth.tenant of rules");
        command.add_option("--scope", flags.scopes,
                           "orders:read, orders:write, *:read, …; repeatable; everything "
                           "that the rules open without one");
        command.add_option("--expires", flags.expires, "after so long, as 720h");
      },
      CreateKey);
  AddCommand(
      *group, "list", "which there are, without their secrets", action,
      [](auto&, auto&) {},
      [](const AccountFlags& flags) {
        return Administer(flags, "keys/list", "{}", PrintKeys);
      });
  AddCommand(
      *group, "revoke", "refuse one from now on", action,
      [](CLI::App& command, AccountFlags& flags) {
        command.add_option("ID", flags.subject, "the part between mr_ and the next _")
            ->required();
      },
      [](const AccountFlags& flags) {
        return Administer(flags, "keys/revoke", Body().Add("id", flags.subject).Take(),
                          PrintDone);
      });
}

/// Runs an action on a token out of a file.
int WithToken(const AccountFlags& flags, std::string_view action, const Printer& print) {
  const auto token = ReadSecret(flags.token_file);
  if (!token) return Report(token.error());
  return Administer(flags, action, Body().Add("token", *token).Take(), print);
}

void AddTokenCommands(CLI::App& app, Action& action) {
  auto* group = app.add_subcommand("tokens", "sessions and signing keys");
  group->require_subcommand(1);
  AddCommand(
      *group, "rotate", "sign with the standby key, and make a new standby", action,
      [](CLI::App& command, AccountFlags& flags) {
        command.add_flag("--drop", flags.drop,
                         "refuse the old key's tokens at once: it got into wrong hands");
      },
      [](const AccountFlags& flags) {
        return Administer(flags, "tokens/rotate", Body().Flag("drop", flags.drop).Take(),
                          PrintJson);
      });
  AddCommand(
      *group, "revoke", "end the session of a token, or all of a user", action,
      [](CLI::App& command, AccountFlags& flags) {
        auto* choice = command.add_option_group("whose");
        choice->add_option("--user", flags.subject, "e-mail address or id");
        choice->add_option("--token-file", flags.token_file,
                           "access or refresh token; - is standard input");
        choice->require_option(1);
      },
      [](const AccountFlags& flags) {
        if (!flags.token_file.empty())
          return WithToken(flags, "tokens/revoke", PrintDone);
        return Administer(flags, "tokens/revoke",
                          Body().Add("user", flags.subject).Take(), PrintDone);
      });
  AddCommand(
      *group, "introspect", "say what a token or API key is good for", action,
      [](CLI::App& command, AccountFlags& flags) {
        command
            .add_option("--token-file", flags.token_file,
                        "its first line; - is standard input")
            ->required();
      },
      [](const AccountFlags& flags) {
        return WithToken(flags, "tokens/introspect", PrintJson);
      });
}

}  // namespace

void AddAccountCommands(CLI::App& app, Action& action) {
  AddUserCommands(app, action);
  AddKeyCommands(app, action);
  AddTokenCommands(app, action);
}

}  // namespace millrace::app
