#include "iceberg_metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/uuid.hpp"

namespace millrace::lake {
namespace {

constexpr const char* kFormatProperty = "millrace.format";
constexpr const char* kFormat = "1";
constexpr const char* kOwnerProperty = "millrace.owner";
constexpr std::string_view kNextOffset = "millrace.next-offset.";

template <typename T>
T Number(std::string_view text) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// All values of a snapshot's summary are text.
std::int64_t Count(const Json& summary, const std::string& name) {
  return Number<std::int64_t>(summary.value(name, std::string("0")));
}

std::string NewUuid(const Clock& clock) {
  std::string text;
  AppendUuid(text, IdMaker(clock, 0).UuidV7());
  return text;
}

}  // namespace

IcebergMetadata IcebergMetadata::New(const std::string& location, const Clock& clock) {
  IcebergMetadata metadata;
  metadata.location_ = location;
  metadata.json_ = {
      {"format-version", 2},
      {"table-uuid", NewUuid(clock)},
      {"location", location},
      {"last-sequence-number", 0},
      {"last-updated-ms", 0},
      {"last-column-id", 0},
      {"schemas", Json::array()},
      {"current-schema-id", 0},
      {"partition-specs", Json::array({Json{{"spec-id", 0}, {"fields", Json::array()}}})},
      {"default-spec-id", 0},
      {"last-partition-id", 999},
      {"sort-orders", Json::array({Json{{"order-id", 0}, {"fields", Json::array()}}})},
      {"default-sort-order-id", 0},
      {"properties", Json{{kFormatProperty, kFormat}}},
      {"current-snapshot-id", -1},
      {"refs", Json::object()},
      {"snapshots", Json::array()},
      {"snapshot-log", Json::array()},
      {"metadata-log", Json::array()}};
  return metadata;
}

Result<IcebergMetadata> IcebergMetadata::Parse(const std::string& text) {
  IcebergMetadata metadata;
  metadata.json_ = Json::parse(text, nullptr, false);
  MR_CHECK_OK(metadata.ReadState());
  return metadata;
}

std::string IcebergMetadata::ToText() const { return json_.dump(); }

Status IcebergMetadata::ReadState() try {
  const auto& snapshots = json_.at("snapshots");
  if (json_.at("properties").value(kFormatProperty, "") != kFormat || snapshots.empty() ||
      snapshots.back().at("snapshot-id") != json_.at("current-snapshot-id") ||
      snapshots.back().at("sequence-number") != snapshots.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                "not written by millrace lake compact alone: choose a new directory");
  }
  version_ = snapshots.back().at("sequence-number");
  location_ = json_.at("location");
  owner_ = json_.at("properties").at(kOwnerProperty);
  last_column_id_ = json_.at("last-column-id");
  schema_ = SchemaFromJson(json_.at("schemas").back());
  for (const auto& [key, value] : snapshots.back().at("summary").items()) {
    if (!key.starts_with(kNextOffset)) continue;
    const auto partition = Number<std::uint32_t>(key.substr(kNextOffset.size()));
    consumed_[partition] = Number<Offset>(value.get<std::string>());
  }
  return {};
} catch (const Json::exception& wrong) {
  return Fail(ErrorCode::kDataLoss, wrong.what());
}

std::uint64_t IcebergMetadata::total_rows() const {
  if (version_ == 0) return 0;
  const auto& summary = json_["snapshots"].back()["summary"];
  return static_cast<std::uint64_t>(Count(summary, "total-records"));
}

std::int64_t IcebergMetadata::snapshot_id() const { return json_["current-snapshot-id"]; }

std::vector<ManifestEntry> IcebergMetadata::Added() const {
  std::vector<ManifestEntry> out;
  for (const auto& snapshot : json_["snapshots"]) {
    const auto& summary = snapshot["summary"];
    out.push_back({"", 0, snapshot["snapshot-id"], snapshot["sequence-number"],
                   Count(summary, "added-data-files"), Count(summary, "added-records")});
  }
  return out;
}

Json IcebergMetadata::Summary(const IcebergChange& change) const {
  const Json before =
      version_ == 0 ? Json::object() : json_["snapshots"].back()["summary"];
  Json summary = {{"operation", "append"}};
  const auto add = [&](const std::string& what, std::uint64_t more) {
    const auto sum = static_cast<std::uint64_t>(Count(before, "total-" + what)) + more;
    summary["added-" + what] = std::to_string(more);
    summary["total-" + what] = std::to_string(sum);
  };
  std::uint64_t rows = 0, bytes = 0;
  for (const auto& file : change.files) {
    rows += file.rows;
    bytes += file.bytes;
  }
  add("data-files", change.files.size());
  add("records", rows);
  add("files-size", bytes);
  for (const auto* none :
       {"total-delete-files", "total-position-deletes", "total-equality-deletes"}) {
    summary[none] = "0";
  }
  for (const auto& [partition, next] : change.next) {
    summary[fmt::format("{}{:04}", kNextOffset, partition)] = std::to_string(next);
  }
  return summary;
}

Result<IcebergMetadata> IcebergMetadata::With(const IcebergChange& change,
                                              std::int64_t snapshot_id,
                                              const std::string& manifest_list,
                                              const std::string& log_entry,
                                              const Clock& clock) const try {
  auto next = *this;
  auto& json = next.json_;
  const auto before_ms = json.at("last-updated-ms").get<std::int64_t>();
  const auto at_ms = std::max(clock.Now() / 1000, before_ms);
  Json snapshot = {{"sequence-number", version_ + 1}, {"snapshot-id", snapshot_id},
                   {"timestamp-ms", at_ms},           {"summary", Summary(change)},
                   {"manifest-list", manifest_list},  {"schema-id", change.schema.id}};
  if (version_ > 0) snapshot["parent-snapshot-id"] = json.at("current-snapshot-id");
  if (version_ == 0 || change.schema.id != schema_.id) {
    json.at("schemas").push_back(ToJson(change.schema));
  }
  if (!log_entry.empty()) {
    json.at("metadata-log")
        .push_back(Json{{"metadata-file", log_entry}, {"timestamp-ms", before_ms}});
  }
  json["current-schema-id"] = change.schema.id;
  json["last-column-id"] = change.last_column_id;
  json["last-sequence-number"] = version_ + 1;
  json["last-updated-ms"] = at_ms;
  json.at("properties")[kOwnerProperty] = change.owner;
  json["current-snapshot-id"] = snapshot_id;
  json.at("refs")["main"] = Json{{"snapshot-id", snapshot_id}, {"type", "branch"}};
  json.at("snapshots").push_back(std::move(snapshot));
  json.at("snapshot-log")
      .push_back(Json{{"timestamp-ms", at_ms}, {"snapshot-id", snapshot_id}});
  next.consumed_.clear();
  MR_CHECK_OK(next.ReadState());
  return next;
} catch (const Json::exception& wrong) {
  return Fail(ErrorCode::kDataLoss, wrong.what());
}

}  // namespace millrace::lake
