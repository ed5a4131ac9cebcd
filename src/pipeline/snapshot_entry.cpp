#include "snapshot_entry.hpp"

#include <charconv>

#include "schema/record_codec.hpp"

namespace millrace::pipeline {
namespace {

bool Number(std::string_view body, std::string_view name, std::uint64_t& into) {
  const auto text = schema::FindMember(body, name);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void AppendSnapshotEntry(std::string& out, const Snapshot& snapshot) {
  const auto number = [&out](const char* name, std::uint64_t value) {
    out.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  out += "{\"snapshot\":\"end\"";
  number("rows", snapshot.end - snapshot.first);
  number("epoch", snapshot.upto.high);
  number("position", snapshot.upto.low);
  number("changes", snapshot.changes);
  out += '}';
}

std::optional<Snapshot> ParseSnapshotEntry(std::string_view body, Offset end) {
  Snapshot snapshot;
  std::uint64_t rows = 0;
  if (!body.starts_with("{\"snapshot\":\"end\",") || !Number(body, "rows", rows) ||
      rows > end || !Number(body, "epoch", snapshot.upto.high) ||
      !Number(body, "position", snapshot.upto.low) ||
      !Number(body, "changes", snapshot.changes)) {
    return std::nullopt;
  }
  snapshot.first = end - rows;
  snapshot.end = end;
  return snapshot;
}

}  // namespace millrace::pipeline
