#include "literal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/json.hpp"
#include "schema/record_codec.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Kind;
using schema::Type;

bool IsNumber(ScalarKind kind) {
  return kind == ScalarKind::kInteger || kind == ScalarKind::kReal;
}

/// Whether a scalar of this YAML kind may stand for a value of `type`; the JSON rules.
bool KindFits(Kind type, ScalarKind kind) {
  switch (type) {
    case Kind::kBoolean:
      return kind == ScalarKind::kBoolean;
    case Kind::kInteger:
    case Kind::kBigint:
      return kind == ScalarKind::kInteger;
    case Kind::kDouble:
      return IsNumber(kind);
    case Kind::kDecimal:
      return IsNumber(kind) || kind == ScalarKind::kText;
    case Kind::kText:
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kUuid:
    case Kind::kBytes:
    case Kind::kJson:
    case Kind::kArray:
    case Kind::kObject:
      return kind == ScalarKind::kText;
  }
  return false;
}

std::optional<std::string> ReadScalar(const Node& node, const Type& type,
                                      Report& report) {
  const auto expected = fmt::format("a value of type {}", type.ToString());
  if (node.kind != Node::Kind::kScalar) {
    report.AddExpected(node, expected);
    return std::nullopt;
  }
  const auto kind = KindOf(node);
  if (!KindFits(type.kind, kind)) {
    const auto* hint = "";
    if (kind != ScalarKind::kText && type.kind == Kind::kText)
      hint = ": put it in quotes";
    if (kind == ScalarKind::kText && node.quoted) hint = ": take the quotes off";
    report.Add(node,
               fmt::format("expected {}, got {}{}", expected, Describe(node), hint));
    return std::nullopt;
  }
  auto literal = schema::RecordCodec::LiteralFromText(type, node.text);
  if (literal) return *std::move(literal);
  report.Add(node, fmt::format("expected {}, got {}: {}", expected, Describe(node),
                               literal.error().message()));
  return std::nullopt;
}

std::optional<std::string> ReadArray(const Node& node, const Type& type, Report& report) {
  const auto* items =
      ReadList(&node, fmt::format("a list ({})", type.ToString()), report);
  if (items == nullptr) return std::nullopt;
  std::string out = "[";
  for (const auto& item : *items) {
    const auto literal = ReadLiteral(item, type.children.front().type, report);
    if (!literal) return std::nullopt;
    if (out.size() > 1) out += ',';
    out += *literal;
  }
  return out + "]";
}

std::optional<std::string> ReadObject(const Node& node, const Type& type,
                                      Report& report) {
  std::vector<std::string_view> names;
  for (const auto& child : type.children) names.emplace_back(child.name);
  const Keys keys(node, "this object", names, report);
  if (node.kind != Node::Kind::kMapping) return std::nullopt;
  std::string out = "{";
  for (const auto& child : type.children) {
    if (out.size() > 1) out += ',';
    AppendJsonKey(out, child.name);
    const auto* value = keys.Find(child.name);
    if (value == nullptr || value->kind == Node::Kind::kNull) {
      out += "null";
      continue;
    }
    const auto literal = ReadLiteral(*value, child.type, report);
    if (!literal) return std::nullopt;
    out += *literal;
  }
  return out + "}";
}

/// YAML as the JSON it means. Numbers keep their digits.
void AppendJson(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      out += "null";
      return;
    case Node::Kind::kScalar:
      if (KindOf(node) == ScalarKind::kText)
        AppendJsonString(out, node.text);
      else
        out += node.text;
      return;
    case Node::Kind::kSequence:
      out += '[';
      for (const auto& item : node.items) {
        if (&item != &node.items.front()) out += ',';
        AppendJson(out, item);
      }
      out += ']';
      return;
    case Node::Kind::kMapping:
      out += '{';
      for (const auto& member : node.members) {
        if (&member != &node.members.front()) out += ',';
        AppendJsonKey(out, member.key.text);
        AppendJson(out, member.value);
      }
      out += '}';
      return;
  }
}

std::optional<std::string> ReadJson(const Node& node, Report& report) {
  std::string json;
  AppendJson(json, node);
  json.append(schema::kJsonPadding, ' ');
  // Numbers that YAML has and JSON has not (+1, .5) end here.
  auto minified = schema::MinifyJson(
      std::string_view(json).substr(0, json.size() - schema::kJsonPadding));
  if (minified) return *std::move(minified);
  report.Add(node, fmt::format("expected a JSON value: {}", minified.error().message()));
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ReadLiteral(const Node& node, const Type& type,
                                       Report& report) {
  if (node.kind == Node::Kind::kNull && type.kind != Kind::kJson) {
    report.AddExpected(node, fmt::format("a value of type {}", type.ToString()));
    return std::nullopt;
  }
  switch (type.kind) {
    case Kind::kArray:
      return ReadArray(node, type, report);
    case Kind::kObject:
      return ReadObject(node, type, report);
    case Kind::kJson:
      return ReadJson(node, report);
    default:
      return ReadScalar(node, type, report);
  }
}

int CompareLiterals(const Type& type, const std::string& a, const std::string& b) {
  const auto left = schema::ToSortValue(type, a);
  const auto right = schema::ToSortValue(type, b);
  if (!left || !right) return a.compare(b);  // not from ReadLiteral
  const auto key = [](const schema::SortValue& value) {
    return std::tie(value.tag, value.integer, value.real, value.text);
  };
  if (key(*left) < key(*right)) return -1;
  return key(*right) < key(*left) ? 1 : 0;
}

}  // namespace millrace::project
