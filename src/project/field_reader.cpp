#include "field_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/bytes.hpp"
#include "collection_reader.hpp"
#include "literal.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Field;
using schema::Generate;
using schema::Kind;
using schema::Type;

constexpr std::int64_t kMaxLength = 1'000'000'000;

bool HasOrder(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kBigint || kind == Kind::kDouble ||
         kind == Kind::kDecimal || kind == Kind::kDate || kind == Kind::kTimestamp;
}
bool HasLength(Kind kind) {
  return kind == Kind::kText || kind == Kind::kBytes || kind == Kind::kArray;
}
bool CanBeListed(Kind kind) {
  return HasOrder(kind) || kind == Kind::kText || kind == Kind::kUuid;
}
bool CanBeKey(Kind kind) {
  return kind != Kind::kDouble && kind != Kind::kBoolean &&
         (HasOrder(kind) || CanBeListed(kind));
}

/// The rules of one field; each method reads one group of keys.
class FieldReader {
 public:
  FieldReader(const Node& value, const Keys& keys, Field& field, Report& report)
      : value_(value), keys_(keys), field_(field), report_(report) {}

  void ReadRules() {
    if (const auto required = ReadFlag(keys_.Find("required"), report_))
      field_.required = *required;
    ReadBounds();
    ReadLengths();
    ReadIn();
    ReadDefault();
  }

  void ReadKeyRules() {
    if (!CanBeKey(field_.type.kind))
      report_.Add(value_,
                  fmt::format("a key is one of text, integer, bigint, decimal, date, "
                              "timestamp, uuid; {} is {}",
                              field_.name, field_.type.ToString()));
    if (const auto* node = keys_.Find("default"))
      report_.Add(*node, "a key has no default: every record would have the same");
    const auto* node = keys_.Find("generate");
    const auto generate = ReadChoice<Generate>(node,
                                               {{"uuidv7", Generate::kUuidV7},
                                                {"objectid", Generate::kObjectId},
                                                {"sequence", Generate::kSequence}},
                                               report_);
    if (!generate) return;
    field_.generate = *generate;
    if (const auto types = TypesOf(*generate); !Generates(*generate, field_.type.kind))
      report_.Add(*node, fmt::format("{} makes keys of type {}; {} is {}", node->text,
                                     types, field_.name, field_.type.ToString()));
  }

 private:
  static bool Generates(Generate generate, Kind kind) {
    switch (generate) {
      case Generate::kNone:
        return true;
      case Generate::kUuidV7:
        return kind == Kind::kText || kind == Kind::kUuid;
      case Generate::kObjectId:
        return kind == Kind::kText;
      case Generate::kSequence:
        return kind == Kind::kBigint || kind == Kind::kInteger;
    }
    return false;
  }
  static std::string_view TypesOf(Generate generate) {
    switch (generate) {
      case Generate::kNone:
        return "";
      case Generate::kUuidV7:
        return "text or uuid";
      case Generate::kObjectId:
        return "text";
      case Generate::kSequence:
        return "bigint or integer";
    }
    return "";
  }

  /// Null (and a problem) where a rule does not belong to this type.
  const Node* FindFor(std::string_view key, bool belongs, std::string_view to_what) {
    const auto* node = keys_.Find(key);
    if (node == nullptr || belongs) return node;
    report_.Add(*node, fmt::format("{} is for {}; {} is {}", key, to_what, field_.name,
                                   field_.type.ToString()));
    return nullptr;
  }

  void ReadBounds() {
    constexpr std::string_view kWhat = "numbers, dates and timestamps";
    const bool ordered = HasOrder(field_.type.kind);
    const auto* max = FindFor("max", ordered, kWhat);
    if (const auto* min = FindFor("min", ordered, kWhat))
      field_.min_json = ReadLiteral(*min, field_.type, report_);
    if (max != nullptr) field_.max_json = ReadLiteral(*max, field_.type, report_);
    if (field_.min_json && field_.max_json &&
        CompareLiterals(field_.type, *field_.min_json, *field_.max_json) > 0)
      report_.Add(*max, "max is under min: nothing would be accepted");
  }

  void ReadLengths() {
    constexpr std::string_view kWhat = "text, bytes and arrays";
    const bool has_length = HasLength(field_.type.kind);
    const auto read = [&](std::string_view key) -> std::optional<std::uint32_t> {
      const auto length =
          ReadWhole(FindFor(key, has_length, kWhat), 0, kMaxLength, report_);
      if (!length) return std::nullopt;
      return static_cast<std::uint32_t>(*length);
    };
    field_.min_length = read("min_length");
    field_.max_length = read("max_length");
    if (field_.min_length && field_.max_length && *field_.min_length > *field_.max_length)
      report_.Add(*keys_.Find("max_length"),
                  "max_length is under min_length: nothing would be accepted");
  }

  void ReadIn() {
    const auto* node = FindFor("in", CanBeListed(field_.type.kind),
                               "text, numbers, dates, timestamps and uuids");
    const auto* items = ReadList(node, "a list of values", report_);
    if (items == nullptr) return;
    if (items->empty()) report_.Add(*node, "in is empty: nothing would be accepted");
    std::set<std::string> seen;
    for (const auto& item : *items) {
      const auto literal = ReadLiteral(item, field_.type, report_);
      if (!literal) continue;
      if (!seen.insert(*literal).second)
        report_.Add(item, fmt::format("{} stands here twice", Shown(item.text)));
      else
        CheckBounds(item, "this value", *literal);
      field_.in_json.push_back(*literal);
    }
  }

  void ReadDefault() {
    const auto* node = keys_.Find("default");
    if (node == nullptr) return;
    field_.default_json = ReadLiteral(*node, field_.type, report_);
    if (!field_.default_json) return;
    CheckBounds(*node, "the default", *field_.default_json);
    const auto& in = field_.in_json;
    if (in.empty() || std::ranges::find(in, *field_.default_json) != in.end()) return;
    report_.Add(*node, fmt::format("the default {} is not one of `in`{}",
                                   Shown(node->text), NearIn(*node)));
  }

  std::string NearIn(const Node& node) const {
    const auto* list = keys_.Find("in");
    std::vector<std::string_view> values;
    for (const auto& item : list->items) values.emplace_back(item.text);
    return DidYouMean(node.text, values);
  }

  /// min, max and the lengths hold for defaults and `in`, too.
  void CheckBounds(const Node& node, std::string_view what, const std::string& literal) {
    const auto& type = field_.type;
    if (field_.min_json && CompareLiterals(type, literal, *field_.min_json) < 0)
      report_.Add(node, fmt::format("{} is under min", what));
    if (field_.max_json && CompareLiterals(type, literal, *field_.max_json) > 0)
      report_.Add(node, fmt::format("{} is over max", what));
    if (const auto length = LengthOf(node)) {
      if (field_.min_length && *length < *field_.min_length)
        report_.Add(node, fmt::format("{} is shorter than min_length", what));
      if (field_.max_length && *length > *field_.max_length)
        report_.Add(node, fmt::format("{} is longer than max_length", what));
    }
  }

  /// In the unit that the field's lengths count.
  std::optional<std::size_t> LengthOf(const Node& node) const {
    if (field_.type.kind == Kind::kArray) return node.items.size();
    if (field_.type.kind == Kind::kText)
      return static_cast<std::size_t>(std::ranges::count_if(node.text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
      }));
    if (field_.type.kind != Kind::kBytes) return std::nullopt;
    const auto bytes = DecodeBase64(node.text);
    return bytes ? std::optional(bytes->size()) : std::nullopt;
  }

  const Node& value_;
  const Keys& keys_;
  Field& field_;
  Report& report_;
};

}  // namespace

std::optional<Field> ReadField(const Node& name, const Node& value, Role role,
                               Report& report) {
  const auto field_name = ReadName(&name, "a field name", report);
  Field field;
  field.name = field_name.value_or("");
  if (value.kind == Node::Kind::kScalar) {
    auto type = ReadType(&value, nullptr, value, report);
    if (!type) return std::nullopt;
    field.type = *std::move(type);
    Node no_rules;
    no_rules.kind = Node::Kind::kMapping;
    const Keys keys(no_rules, "a field", {}, report);
    if (role == Role::kKey) FieldReader(value, keys, field, report).ReadKeyRules();
  } else {
    const Keys keys(value, "a field",
                    {"type", "required", "default", "min", "max", "in", "min_length",
                     "max_length", "generate", "fields"},
                    report);
    auto type = ReadType(keys.Need("type", "text"), keys.Find("fields"), value, report);
    if (!type) return std::nullopt;
    field.type = *std::move(type);
    FieldReader reader(value, keys, field, report);
    reader.ReadRules();
    const auto* generate = keys.Find("generate");
    if (role == Role::kKey) reader.ReadKeyRules();
    if (role == Role::kOther && generate != nullptr)
      report.Add(*generate, "only the key can be generated");
  }
  if (!field_name) return std::nullopt;
  return field;
}

}  // namespace millrace::project
