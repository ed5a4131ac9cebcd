#include "access_report.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.hpp"
#include "base/json_member.hpp"
#include "pipeline/compile.hpp"
#include "project_loading.hpp"
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
std::string Words(const Condition& condition, const AccessReport& of) {
  if (condition.always()) return fmt::format("every {}", of.thing);
  if (condition.never()) return fmt::format("no {}", of.thing);
  return fmt::format("{}s where {}", of.thing, ToText(condition, of.columns));
}

std::string Words(std::optional<bool> decided, const AccessReport& of) {
  if (!decided) return fmt::format("{}s for which the rule holds", of.thing);
  return fmt::format("{} {}", *decided ? "every" : "no", of.thing);
}

std::string Line(std::string_view who, std::string_view what) {
  return fmt::format("          {:<16} {}\n", who, what);
}

/// Who may find what by a rule, a line each.
std::string Audiences(const query::Rule& rule, const AccessReport& of) {
  if (!rule.AsksWho() && !of.access.tenant)
    return Line("everyone", Words(rule.For({}), of));
  std::string out = Line("not signed in", of.access.tenant ? Words(Condition::Never(), of)
                                                           : Words(rule.For({}), of));
  for (const auto& role : rule.Roles())
    if (const auto decided = rule.Decided(role))
      out += Line("role " + role, Words(decided, of));
  return out + Line("signed in", Words(rule.Decided({}), of));
}

std::string General(Operation operation, const AccessReport& of) {
  const auto& rule = of.access.RuleOf(operation);
  auto out = fmt::format("{:<8}  ", NameOf(operation));
  if (!rule) return out + "no rule: nobody\n";
  const auto list = static_cast<std::size_t>(Operation::kLive);
  if (operation == Operation::kLive && !of.access.rules[list]) return out + "as list\n";
  auto text = rule->text();
  for (auto& c : text)
    if (c == '\n') c = ' ';
  return out + text + "\n" + Audiences(*rule, of);
}

/// A built-in collection has no rules.
Access AccessOf(const project::Project& project, const std::string& name) {
  const auto at = project.access.find(name);
  return at == project.access.end() ? Access() : at->second;
}

Result<AccessReport> ReportTable(const project::Project& project,
                                 const project::Pipeline& pipeline, std::size_t sink) {
  MR_TRY(auto engine, sql::Engine::Open({}));
  auto compiled =
      pipeline::CompilePipeline(pipeline, project::Readable(project), *engine);
  if (!compiled) return Fail(ErrorOf(compiled.error()));
  AccessReport report{"table", "row", pipeline.sinks[sink].name, project.open_access,
                      {},      {},    query::kTableOperations,   {}};
  report.columns = std::move(compiled->sinks[sink].output);
  report.access.rules[static_cast<std::size_t>(Operation::kList)] =
      std::move(compiled->sinks[sink].list_rule);
  return report;
}

std::string Known(const project::Project& project) {
  std::string known;
  const auto add = [&](const std::string& name) {
    known += (known.empty() ? "" : ", ") + name;
  };
  for (const auto& [name, collection] : project.collections) add(name);
  for (const auto& [name, stream] : project.streams) add(name);
  for (const auto& pipeline : project.pipelines)
    for (const auto& sink : pipeline.sinks) add(sink.name);
  return known;
}

void AppendGeneral(std::string& out, Operation operation, const AccessReport& of) {
  const auto& rule = of.access.RuleOf(operation);
  const auto nobody = of.access.For(operation, {});
  AppendMember(out, "nobody", ToText(nobody, of.columns));
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
  std::string out;
  if (open)
    out +=
        "With `access: open` in millrace.yaml everyone who reaches the server may do "
        "everything.\nThe rules hold once that line is gone:\n";
  if (access.tenant)
    out += fmt::format(
        "{}s belong to a tenant: each is found and written with its own alone.\n",
        thing == "event" ? "Event" : "Record");
  if (!out.empty()) out += '\n';
  for (const auto operation : operations) {
    if (!who) {
      out += General(operation, *this);
      continue;
    }
    const auto left = Words(access.For(operation, *who), *this);
    const auto* const why = access.RuleOf(operation) ? "" : " (no rule)";
    out += fmt::format("{:<8}  {}{}\n", NameOf(operation), left, why);
  }
  return out;
}

std::string AccessReport::ToJson() const {
  std::string out = "{";
  AppendMember(out, kind, name);
  AppendMember(out, "access", open ? "open" : "closed");
  AppendFlagMember(out, "tenant", access.tenant);
  AppendMemberName(out, "operations");
  out += '[';
  for (const auto operation : operations) {
    out += out.ends_with('[') ? "{" : ",{";
    AppendMember(out, "operation", NameOf(operation));
    const auto& rule = access.RuleOf(operation);
    AppendMemberOrNull(out, "rule", rule ? rule->text() : "");
    if (who) {
      AppendMember(out, "condition", query::ToText(access.For(operation, *who), columns));
    } else {
      AppendGeneral(out, operation, *this);
    }
    out += '}';
  }
  return out + "]}";
}

Result<AccessReport> ReportAccess(const project::Project& project,
                                  const std::string& name,
                                  std::optional<query::Principal> who) {
  const bool open = project.open_access;
  if (const auto at = project.collections.find(name); at != project.collections.end())
    return AccessReport{"collection",
                        "record",
                        name,
                        open,
                        AccessOf(project, name),
                        at->second.DocumentColumns(),
                        query::kOperations,
                        std::move(who)};
  if (const auto at = project.streams.find(name); at != project.streams.end())
    return AccessReport{"stream",
                        "event",
                        name,
                        open,
                        AccessOf(project, name),
                        at->second.events.DocumentColumns(),
                        query::kStreamOperations,
                        std::move(who)};
  for (const auto& pipeline : project.pipelines) {
    for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
      const auto& sink = pipeline.sinks[i].name;
      if (sink != name && sink != "table." + name) continue;
      MR_TRY(auto report, ReportTable(project, pipeline, i));
      report.who = std::move(who);
      return report;
    }
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("there is no collection, stream or table {}; this project has: "
                          "{}",
                          Excerpt(name), Known(project)));
}

}  // namespace millrace::app
