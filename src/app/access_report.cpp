#include "access_report.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.hpp"
#include "base/json_member.hpp"
#include "query/access.hpp"

namespace millrace::app {
namespace {

using query::Access;
using query::Condition;
using query::Operation;
using query::Principal;

constexpr std::string_view kClaims = "claims.";
constexpr std::string_view kForm =
    "write user=ID,role=ROLE,tenant=TENANT,key=ID,claims.NAME=VALUE, or nobody";

query::Claim ReadClaim(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const auto read = [&](auto number) -> std::optional<query::Claim> {
    const auto* const end = text.data() + text.size();
    const auto [last, code] = std::from_chars(text.data(), end, number);
    if (code != std::errc() || last != end) return std::nullopt;
    return number;
  };
  if (const auto whole = read(std::int64_t{})) return *whole;
  if (const auto real = read(double{})) return *real;
  return text;
}

Status ReadPart(std::string_view part, Principal& who) {
  const auto equals = part.find('=');
  const auto name = part.substr(0, equals);
  if (equals == part.npos || equals + 1 == part.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--as: {} has no value: {}", Excerpt(part), kForm));
  }
  const auto value = part.substr(equals + 1);
  const std::pair<std::string_view, std::string*> parts[] = {{"user", &who.user_id},
                                                             {"role", &who.role},
                                                             {"tenant", &who.tenant},
                                                             {"key", &who.key_id}};
  for (const auto& [known, into] : parts) {
    if (name != known) continue;
    *into = value;
    return {};
  }
  if (name.starts_with(kClaims) && name.size() > kClaims.size()) {
    who.claims.insert_or_assign(std::string(name.substr(kClaims.size())),
                                ReadClaim(std::string(value)));
    return {};
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("--as has no {}: {}", Excerpt(name), kForm));
}

/// What is left to somebody, in words.
std::string Words(const Condition& condition, const schema::Columns& columns) {
  if (condition.always()) return "every record";
  if (condition.never()) return "no record";
  return "records where " + ToText(condition, columns);
}

std::string_view Words(std::optional<bool> decided) {
  if (!decided) return "records for which the rule holds";
  return *decided ? "every record" : "no record";
}

std::string Line(std::string_view who, std::string_view what) {
  return fmt::format("          {:<16} {}\n", who, what);
}

/// Who may find what by a rule, a line each.
std::string Audiences(const Access& access, const query::Rule& rule,
                      const schema::Columns& columns) {
  if (!rule.AsksWho() && !access.tenant)
    return Line("everyone", Words(rule.For({}), columns));
  std::string out =
      Line("not signed in", access.tenant ? "no record" : Words(rule.For({}), columns));
  for (const auto& role : rule.Roles())
    if (const auto decided = rule.Decided(role))
      out += Line("role " + role, Words(decided));
  return out + Line("signed in", Words(rule.Decided({})));
}

std::string General(const Access& access, Operation operation,
                    const schema::Columns& columns) {
  const auto& rule = access.RuleOf(operation);
  auto out = fmt::format("{:<8}  ", NameOf(operation));
  if (!rule) return out + "no rule: nobody\n";
  const auto list = static_cast<std::size_t>(Operation::kLive);
  if (operation == Operation::kLive && !access.rules[list]) return out + "as list\n";
  auto text = rule->text();
  for (auto& c : text)
    if (c == '\n') c = ' ';
  return out + text + "\n" + Audiences(access, *rule, columns);
}

/// A built-in collection has no rules.
const Access& AccessOf(const project::Project& project, const std::string& collection) {
  static const Access closed;
  const auto at = project.access.find(collection);
  return at == project.access.end() ? closed : at->second;
}

std::string_view Preface(const project::Project& project) {
  if (!project.open_access) return "";
  return "With `access: open` in millrace.yaml everyone who reaches the server may do "
         "everything.\nThe rules hold once that line is gone:\n";
}

void AppendGeneral(std::string& out, const Access& access, Operation operation,
                   const schema::Columns& columns) {
  const auto& rule = access.RuleOf(operation);
  const auto nobody = access.For(operation, {});
  AppendMember(out, "nobody", ToText(nobody, columns));
  const auto word = [](std::optional<bool> decided) -> std::string_view {
    if (!decided) return "depends";
    return *decided ? "true" : "false";
  };
  AppendMember(out, "signed_in", rule ? word(rule->Decided({})) : "false");
  AppendMemberName(out, "roles");
  out += '{';
  if (rule)
    for (const auto& role : rule->Roles())
      AppendMember(out, role, word(rule->Decided(role)));
  out += '}';
}

}  // namespace

Result<Principal> ReadPrincipal(std::string_view text) {
  Principal who;
  if (text == "nobody") return who;
  who.authenticated = true;
  while (true) {
    const auto part = text.substr(0, text.find(','));
    MR_CHECK_OK(ReadPart(part, who));
    if (part.size() == text.size()) return who;
    text.remove_prefix(part.size() + 1);
  }
}

std::string AccessReport::ToText() const {
  const auto& access = AccessOf(project, collection);
  const auto columns = project.collections.at(collection).DocumentColumns();
  std::string out(Preface(project));
  if (access.tenant)
    out += "Records belong to a tenant: each is found and written with its own alone.\n";
  if (!out.empty()) out += '\n';
  for (const auto operation : query::kOperations) {
    if (!who) {
      out += General(access, operation, columns);
      continue;
    }
    const auto left = Words(access.For(operation, *who), columns);
    const auto* const why = access.RuleOf(operation) ? "" : " (no rule)";
    out += fmt::format("{:<8}  {}{}\n", NameOf(operation), left, why);
  }
  return out;
}

std::string AccessReport::ToJson() const {
  const auto& access = AccessOf(project, collection);
  const auto columns = project.collections.at(collection).DocumentColumns();
  std::string out = "{";
  AppendMember(out, "collection", collection);
  AppendMember(out, "access", project.open_access ? "open" : "closed");
  AppendFlagMember(out, "tenant", access.tenant);
  AppendMemberName(out, "operations");
  out += '[';
  for (const auto operation : query::kOperations) {
    out += out.ends_with('[') ? "{" : ",{";
    AppendMember(out, "operation", NameOf(operation));
    const auto& rule = access.RuleOf(operation);
    AppendMemberOrNull(out, "rule", rule ? rule->text() : "");
    if (who) {
      AppendMember(out, "condition", query::ToText(access.For(operation, *who), columns));
    } else {
      AppendGeneral(out, access, operation, columns);
    }
    out += '}';
  }
  return out + "]}";
}

}  // namespace millrace::app
