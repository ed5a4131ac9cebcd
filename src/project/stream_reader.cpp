#include "stream_reader.hpp"

#include <fmt/format.h>

#include <set>

#include "access_reader.hpp"
#include "field_reader.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Field;
using schema::Kind;
using schema::Type;

constexpr std::string_view kEventId = "event_id";
constexpr std::int64_t kMaxWindowMs = 24LL * 3600 * 1000;
constexpr std::int64_t kMaxIds = 10'000'000;

Field Named(std::string_view name, Kind kind) {
  return {.name = std::string(name), .type = Type::Simple(kind)};
}

void ReadFields(const Node* node, schema::Collection& events, Report& report) {
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kMapping || node->members.empty())
    return report.AddExpected(*node, "fields, such as {user_id: {type: text}}");
  std::set<std::string> lower_names;
  for (const auto& [name, value] : node->members) {
    if (ToLower(name.text) == kEventId) {
      report.Add(name, "event_id is there by itself: text, made when an event has none");
      continue;
    }
    if (!lower_names.insert(ToLower(name.text)).second)
      report.Add(name, fmt::format("{} differs from another field only in case",
                                   Shown(name.text)));
    auto field = ReadField(name, value, Role::kOther, report);
    if (field) events.fields.push_back(*std::move(field));
  }
}

void ReadDedup(const Node* node, Stream& stream, Report& report) {
  if (node == nullptr) return;
  const Keys keys(*node, "dedup", {"window", "ids"}, report);
  if (const auto window = ReadDurationMs(keys.Find("window"), 0, kMaxWindowMs, report))
    stream.dedup_window_ms = *window;
  if (const auto ids = ReadWhole(keys.Find("ids"), 1, kMaxIds, report))
    stream.dedup_ids = static_cast<std::uint64_t>(*ids);
}

void ReadFormat(const Keys& keys, Stream& stream, Report& report) {
  const auto raw =
      ReadChoice<bool>(keys.Find("format"), {{"json", false}, {"raw", true}}, report);
  stream.raw = raw.value_or(false);
  if (!stream.raw)
    return ReadFields(keys.Need("fields", "{user_id: {type: text}} (or format: raw)"),
                      stream.events, report);
  if (const auto* fields = keys.Find("fields"))
    report.Add(*fields,
               "a raw stream takes any bytes: its columns are event_id, payload and "
               "payload_bytes");
  stream.events.fields.push_back(Named("payload", Kind::kText));
  stream.events.fields.push_back(Named("payload_bytes", Kind::kBytes));
}

}  // namespace

schema::Collection EmptyEvents(std::string name) {
  schema::Collection events;
  events.name = std::move(name);
  events.key = kEventId;
  events.created_at.clear();
  events.updated_at.clear();
  events.fields.push_back(Named(kEventId, Kind::kText));
  events.fields.back().generate = schema::Generate::kUuidV7;
  return events;
}

std::optional<ReadStreamResult> ReadStream(const Node& root, std::string_view content,
                                           Report& report) {
  const auto problems_before = report.count();
  const Keys keys(root, "a stream",
                  {"stream", "format", "fields", "dedup", "rules", "tenant"}, report);
  if (root.kind != Node::Kind::kMapping) return std::nullopt;
  const auto* name_node = keys.Need("stream", "clicks");
  const auto name = ReadName(name_node, "a stream name", report);
  ReadStreamResult result;
  result.stream.events = EmptyEvents(name.value_or(""));
  ReadFormat(keys, result.stream, report);
  const bool fields_known = report.count() == problems_before;
  const auto columns = result.stream.events.DocumentColumns();
  result.access = ReadAccess(keys, query::kStreamOperations,
                             fields_known ? &columns : nullptr, content, report);
  ReadDedup(keys.Find("dedup"), result.stream, report);
  if (!name) return std::nullopt;
  if (ToLower(*name) == "records")
    report.Add(*name_node,
               "records is the source of all collections' changes: choose "
               "another name");
  result.name_at = *name_node;
  result.whole = report.count() == problems_before;
  return result;
}

}  // namespace millrace::project
