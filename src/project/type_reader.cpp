#include <fmt/format.h>

#include <set>

#include "collection_reader.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Kind;
using schema::Type;

/// Deeper ones could not be sent: bodies nest at most 64 deep.
constexpr int kMaxDepth = 32;
constexpr std::string_view kTypeWhat = "a type, such as text or \"decimal(10,2)\"";

std::optional<Type> ReadNestedType(const Node* type, const Node* fields, const Node& at,
                                   int depth, Report& report);

/// The fields of an object: a type each, or {type: …, fields: …} for one in it.
std::optional<std::vector<schema::TypedName>> ReadNested(const Node& fields, int depth,
                                                         Report& report) {
  if (fields.kind != Node::Kind::kMapping || fields.members.empty()) {
    report.AddExpected(fields, "the object's fields, such as {street: text}");
    return std::nullopt;
  }
  std::vector<schema::TypedName> children;
  std::set<std::string> names;
  bool whole = true;
  for (const auto& [key, value] : fields.members) {
    const auto name = ReadName(&key, "a field name", report);
    if (name && !names.insert(ToLower(*name)).second)
      report.Add(key, fmt::format("{} differs from another field only in case", *name));
    std::optional<Type> type;
    if (value.kind == Node::Kind::kMapping) {
      const Keys keys(value, "a field of an object", {"type", "fields"}, report);
      type = ReadNestedType(keys.Need("type", "text"), keys.Find("fields"), value, depth,
                            report);
    } else {
      type = ReadNestedType(&value, nullptr, value, depth, report);
    }
    whole = whole && name && type;
    if (whole) children.push_back({*name, *std::move(type)});
  }
  if (!whole) return std::nullopt;
  return children;
}

std::optional<Type> ReadObject(const Node* fields, const Node& at, int depth,
                               Report& report) {
  if (depth >= kMaxDepth) {
    report.Add(at, fmt::format("objects nest at most {} deep", kMaxDepth));
    return std::nullopt;
  }
  if (fields == nullptr) {
    report.Add(at, "an object needs the key fields, such as {street: text}");
    return std::nullopt;
  }
  auto children = ReadNested(*fields, depth + 1, report);
  if (!children) return std::nullopt;
  return Type{Kind::kObject, 0, 0, *std::move(children)};
}

std::optional<Type> ReadNestedType(const Node* type, const Node* fields, const Node& at,
                                   int depth, Report& report) {
  const auto text = ReadText(type, kTypeWhat, report);
  if (!text) return std::nullopt;
  std::string_view base = *text;
  int arrays = 0;
  for (; base.ends_with("[]"); ++arrays) base.remove_suffix(2);
  if (base != "object") {
    if (fields != nullptr)
      report.Add(*fields,
                 fmt::format("only a field of type object has fields, this one is "
                             "{}",
                             *text));
    auto parsed = Type::Parse(*text);
    if (parsed) return *std::move(parsed);
    report.Add(*type, parsed.error().message());
    return std::nullopt;
  }
  if (arrays + depth > kMaxDepth) {
    report.Add(*type, fmt::format("arrays nest at most {} deep", kMaxDepth));
    return std::nullopt;
  }
  auto object = ReadObject(fields, at, depth, report);
  for (; object && arrays > 0; --arrays)
    object = Type{Kind::kArray, 0, 0, {{"", *std::move(object)}}};
  return object;
}

}  // namespace

std::optional<Type> ReadType(const Node* type, const Node* fields, const Node& at,
                             Report& report) {
  return ReadNestedType(type, fields, at, 0, report);
}

}  // namespace millrace::project
