#include "avro.hpp"

#include "base/bytes.hpp"

namespace millrace::lake {
namespace {

constexpr std::string_view kMagic{"Obj\x01", 4};

/// Between blocks, so that readers find them again: 16 bytes that depend on the content.
std::string SyncMarker(const std::string& content) {
  std::string marker;
  AppendHex(marker, Hash64(content), 16);
  return marker;
}

}  // namespace

void AvroEncoder::Number(std::int64_t value) {
  auto left =
      (static_cast<std::uint64_t>(value) << 1u) ^ static_cast<std::uint64_t>(value >> 63);
  for (; left > 0x7f; left >>= 7u) {
    bytes_ += static_cast<char>((left & 0x7fu) | 0x80u);
  }
  bytes_ += static_cast<char>(left);
}

void AvroEncoder::Text(std::string_view value) {
  Number(static_cast<std::int64_t>(value.size()));
  bytes_ += value;
}

void AvroEncoder::Branch(std::int64_t index) { Number(index); }

void AvroEncoder::BeginItems(std::size_t count) {
  if (count > 0) Number(static_cast<std::int64_t>(count));
}

void AvroEncoder::EndItems() { Number(0); }

std::string AvroContainer(const std::string& schema,
                          std::map<std::string, std::string> metadata,
                          const std::vector<std::string>& records) {
  metadata["avro.schema"] = schema;
  metadata["avro.codec"] = "null";
  AvroEncoder header;
  header.BeginItems(metadata.size());
  for (const auto& [key, value] : metadata) {
    header.Text(key);
    header.Text(value);
  }
  header.EndItems();
  std::string content;
  for (const auto& record : records) content += record;
  const auto marker = SyncMarker(content);
  std::string out = std::string(kMagic) + header.bytes() + marker;
  if (records.empty()) return out;
  AvroEncoder block;
  block.Number(static_cast<std::int64_t>(records.size()));
  block.Number(static_cast<std::int64_t>(content.size()));
  return out + block.bytes() + content + marker;
}

}  // namespace millrace::lake
