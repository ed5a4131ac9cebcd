#include "iceberg_manifest.hpp"

#include "avro.hpp"

namespace millrace::lake {
namespace {

constexpr std::int64_t kAdded = 1;

Json Field(const char* name, int id, Json type) {
  return {{"name", name}, {"type", std::move(type)}, {"field-id", id}};
}

Json Optional(const char* name, int id, Json type) {
  return {{"name", name},
          {"type", Json::array({"null", std::move(type)})},
          {"default", nullptr},
          {"field-id", id}};
}

/// A map with whole numbers as keys is an array of pairs.
Json MapById(int key_id, int value_id, const char* value) {
  const auto name = "k" + std::to_string(key_id) + "_v" + std::to_string(value_id);
  const Json pair = {{"type", "record"},
                     {"name", name},
                     {"fields", Json::array({Field("key", key_id, "int"),
                                             Field("value", value_id, value)})}};
  return {{"type", "array"}, {"items", pair}, {"logicalType", "map"}};
}

Json DataFileSchema() {
  const Json no_partition = {
      {"type", "record"}, {"name", "r102"}, {"fields", Json::array()}};
  return {
      {"type", "record"},
      {"name", "r2"},
      {"fields",
       Json::array(
           {Field("content", 134, "int"), Field("file_path", 100, "string"),
            Field("file_format", 101, "string"), Field("partition", 102, no_partition),
            Field("record_count", 103, "long"), Field("file_size_in_bytes", 104, "long"),
            Optional("column_sizes", 108, MapById(117, 118, "long")),
            Optional("value_counts", 109, MapById(119, 120, "long")),
            Optional("null_value_counts", 110, MapById(121, 122, "long")),
            Optional("lower_bounds", 125, MapById(126, 127, "bytes")),
            Optional("upper_bounds", 128, MapById(129, 130, "bytes"))})}};
}

std::string EntrySchema() {
  const Json schema = {
      {"type", "record"},
      {"name", "manifest_entry"},
      {"fields",
       Json::array({Field("status", 0, "int"), Optional("snapshot_id", 1, "long"),
                    Optional("sequence_number", 3, "long"),
                    Optional("file_sequence_number", 4, "long"),
                    Field("data_file", 2, DataFileSchema())})}};
  return schema.dump();
}

std::string ListSchema() {
  const Json schema = {
      {"type", "record"},
      {"name", "manifest_file"},
      {"fields",
       Json::array({Field("manifest_path", 500, "string"),
                    Field("manifest_length", 501, "long"),
                    Field("partition_spec_id", 502, "int"), Field("content", 517, "int"),
                    Field("sequence_number", 515, "long"),
                    Field("min_sequence_number", 516, "long"),
                    Field("added_snapshot_id", 503, "long"),
                    Field("added_files_count", 504, "int"),
                    Field("existing_files_count", 505, "int"),
                    Field("deleted_files_count", 506, "int"),
                    Field("added_rows_count", 512, "long"),
                    Field("existing_rows_count", 513, "long"),
                    Field("deleted_rows_count", 514, "long")})}};
  return schema.dump();
}

void Encode(AvroEncoder& out, std::int64_t value) { out.Number(value); }
void Encode(AvroEncoder& out, const std::string& value) { out.Text(value); }

template <typename T>
void EncodeMap(AvroEncoder& out, const std::map<int, T>& values) {
  out.Branch(1);
  out.BeginItems(values.size());
  for (const auto& [id, value] : values) {
    out.Number(id);
    Encode(out, value);
  }
  out.EndItems();
}

std::string EncodeEntry(std::int64_t snapshot_id, std::int64_t sequence,
                        const DataFile& file) {
  AvroEncoder out;
  out.Number(kAdded);
  for (const auto number : {snapshot_id, sequence, sequence}) {
    out.Branch(1);
    out.Number(number);
  }
  out.Number(0);  // data, not deletes
  out.Text(file.location);
  out.Text("PARQUET");
  out.Number(static_cast<std::int64_t>(file.rows));
  out.Number(static_cast<std::int64_t>(file.bytes));
  EncodeMap(out, file.column_bytes);
  EncodeMap(out, file.values);
  EncodeMap(out, file.nulls);
  EncodeMap(out, file.lower);
  EncodeMap(out, file.upper);
  return out.bytes();
}

}  // namespace

std::string ManifestAvro(const IcebergSchema& schema, std::int64_t snapshot_id,
                         std::int64_t sequence, const std::vector<DataFile>& files) {
  std::vector<std::string> records;
  for (const auto& file : files) {
    records.push_back(EncodeEntry(snapshot_id, sequence, file));
  }
  return AvroContainer(EntrySchema(),
                       {{"schema", ToJson(schema).dump()},
                        {"schema-id", std::to_string(schema.id)},
                        {"partition-spec", "[]"},
                        {"partition-spec-id", "0"},
                        {"format-version", "2"},
                        {"content", "data"}},
                       records);
}

std::string ManifestListAvro(std::int64_t snapshot_id, std::int64_t sequence,
                             const std::vector<ManifestEntry>& manifests) {
  std::vector<std::string> records;
  for (const auto& manifest : manifests) {
    AvroEncoder out;
    out.Text(manifest.location);
    out.Number(manifest.bytes);
    out.Number(0);  // the only partition spec: none
    out.Number(0);  // data, not deletes
    out.Number(manifest.sequence);
    out.Number(manifest.sequence);
    out.Number(manifest.snapshot_id);
    out.Number(manifest.files);
    out.Number(0);
    out.Number(0);
    out.Number(manifest.rows);
    out.Number(0);
    out.Number(0);
    records.push_back(out.bytes());
  }
  return AvroContainer(ListSchema(),
                       {{"snapshot-id", std::to_string(snapshot_id)},
                        {"sequence-number", std::to_string(sequence)},
                        {"format-version", "2"}},
                       records);
}

}  // namespace millrace::lake
