#include "collection_json.hpp"

#include <simdjson.h>

#include <charconv>

namespace millrace::app {

std::string TextMember(std::string_view json, std::string_view name) {
  simdjson::dom::parser parser;
  simdjson::dom::element member;
  if (parser.parse(simdjson::padded_string(json))[name].get(member) !=
      simdjson::SUCCESS) {
    return {};
  }
  std::string_view text;
  if (member.get(text) == simdjson::SUCCESS) return std::string(text);
  if (member.is_int64() || member.is_uint64()) return simdjson::minify(member);
  return {};
}

std::uint64_t NumberMember(std::string_view json, std::string_view name) {
  const auto text = TextMember(json, name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<CollectionShape> ParseCollectionShape(std::string_view json) {
  const Error broken(ErrorCode::kInternal,
                     "the server's description of the collection is broken");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array fields;
  std::string_view key;
  if (parser.parse(simdjson::padded_string(json)).get(root) != simdjson::SUCCESS ||
      root["key"].get(key) != simdjson::SUCCESS ||
      root["fields"].get(fields) != simdjson::SUCCESS) {
    return Fail(broken);
  }
  CollectionShape shape;
  shape.key = key;
  for (const auto field : fields) {
    std::string_view name, type;
    if (field["name"].get(name) != simdjson::SUCCESS ||
        field["type"].get(type) != simdjson::SUCCESS) {
      return Fail(broken);
    }
    auto parsed = schema::Type::Parse(type);
    // Objects have no text form: their cells are taken as JSON.
    shape.fields.push_back(
        {std::string(name),
         parsed ? *parsed : schema::Type::Simple(schema::Kind::kJson)});
  }
  return shape;
}

}  // namespace millrace::app
