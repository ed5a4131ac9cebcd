#include "audit_reader.hpp"

#include <utility>

#include "access_reader.hpp"
#include "project/audit.hpp"
#include "stream_reader.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Kind;

constexpr std::string_view kDefaultName = "audit";
constexpr std::string_view kDefaultRule = "auth.role = 'admin'";
/// An event is written again only where its first append ended in doubt, soon after it.
constexpr std::uint64_t kDedupIds = 20'000;

std::optional<query::Rule> ReadReadRule(const Node* node, std::string_view content,
                                        const schema::Columns& columns,
                                        const Project& project, Report& report) {
  if (node == nullptr) return *query::Rule::Parse(kDefaultRule, columns);
  if (!project.closed())
    report.Add(*node, "with `access: open` no rule is asked: leave it out");
  return ReadRule(*node, &columns, content, report);
}

}  // namespace

schema::Collection AuditEvents(std::string name) {
  auto events = EmptyEvents(std::move(name));
  const auto add = [&](const char* field, schema::Type type) {
    events.fields.push_back({.name = field, .type = std::move(type)});
  };
  const auto text = schema::Type::Simple(Kind::kText);
  add("occurred_at", schema::Type::Simple(Kind::kTimestamp));
  for (const char* field : {"request_id", "actor_kind", "actor_id", "tenant", "role",
                            "action", "resource", "resource_id"})
    add(field, text);
  add("count", schema::Type::Simple(Kind::kBigint));
  add("keys", {.kind = Kind::kArray, .children = {{"", text}}});
  for (const char* field : {"account", "address", "route"}) add(field, text);
  add("status", schema::Type::Simple(Kind::kInteger));
  for (const char* field : {"result", "code"}) add(field, text);
  return events;
}

void ReadAudit(const Node& node, std::string_view content, Project& project,
               Report& report) {
  std::string name(kDefaultName);
  const Node* read = nullptr;
  if (node.kind == Node::Kind::kMapping) {
    const Keys keys(node, "audit", {"stream", "read"}, report);
    const auto* at = keys.Find("stream");
    if (const auto given = ReadName(at, "a stream name", report)) name = *given;
    if (ToLower(name) == "records" || ToLower(name) == "users")
      report.Add(*at, name + " is there by itself: choose another name");
    read = keys.Find("read");
  } else if (!ReadFlag(&node, report).value_or(false)) {
    return;
  }
  if (project.auth_style == AuthStyle::kR0) {
    return report.Add(node,
                      "there is no audit log with `auth: {style: r0}`, whose users are "
                      "kept by another process: leave it out");
  }
  Stream stream;
  stream.events = AuditEvents(name);
  stream.dedup_ids = kDedupIds;
  stream.built_in = true;
  query::Access access;
  access.rules[static_cast<std::size_t>(query::Operation::kRead)] =
      ReadReadRule(read, content, stream.events.DocumentColumns(), project, report);
  project.audit = name;
  project.access.emplace(name, std::move(access));
  project.streams.emplace(std::move(name), std::move(stream));
}

}  // namespace millrace::project
