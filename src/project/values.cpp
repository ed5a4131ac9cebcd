#include "values.hpp"

#include <algorithm>
#include <charconv>

#include "base/bytes.hpp"

namespace millrace::project {
namespace {

constexpr std::size_t kMaxNameBytes = 63;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// "8MiB" from a scalar through `parse`, inside the bounds.
template <typename T, typename Parse>
std::optional<T> ReadInUnit(const Node* node, T min, T max, std::string_view expected,
                            Parse parse, Report& report) {
  if (node == nullptr) return std::nullopt;
  if (node->kind != Node::Kind::kScalar) {
    report.AddExpected(*node, expected);
    return std::nullopt;
  }
  const auto value = parse(node->text);
  if (!value) {
    report.Add(*node, fmt::format("expected {}: {}", expected, value.error().message()));
    return std::nullopt;
  }
  if (*value < min || *value > max) {
    report.AddExpected(*node, expected);
    return std::nullopt;
  }
  return *value;
}

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && IsLetter(text.front()) && std::ranges::all_of(text, [](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string Join(std::span<const std::string_view> words) {
  constexpr std::size_t kShown = 20;
  std::string out;
  for (const auto word : words.first(std::min(words.size(), kShown))) {
    if (!out.empty()) out += ", ";
    out += Shown(word);
  }
  if (words.size() > kShown) out += fmt::format(" and {} more", words.size() - kShown);
  return out;
}

std::string DidYouMean(std::string_view word,
                       std::span<const std::string_view> candidates) {
  const auto near = NearMiss(word, candidates.data(), candidates.size());
  return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

Keys::Keys(const Node& node, std::string_view what, std::vector<std::string_view> known,
           Report& report)
    : node_(node), what_(what), report_(report) {
  if (node.kind != Node::Kind::kMapping) {
    report.AddExpected(node, fmt::format("{} with the keys {}", what, Join(known)));
    return;
  }
  for (const auto& [key, value] : node.members) {
    if (std::ranges::find(known, key.text) != known.end()) continue;
    auto hint = DidYouMean(key.text, known);
    if (hint.empty()) hint = "; it has " + Join(known);
    report.Add(key, fmt::format("{} has no key {}{}", what, Shown(key.text), hint));
  }
}

const Node* Keys::Find(std::string_view key) const {
  for (const auto& [name, value] : node_.members)
    if (name.text == key) return &value;
  return nullptr;
}

const Node* Keys::Need(std::string_view key, std::string_view example) const {
  const auto* value = Find(key);
  if (value == nullptr && node_.kind == Node::Kind::kMapping)
    report_.Add(node_,
                fmt::format("{} needs the key {}, such as {}", what_, key, example));
  return value;
}

std::optional<std::string> ReadText(const Node* node, std::string_view what,
                                    Report& report) {
  if (node == nullptr) return std::nullopt;
  if (node->kind == Node::Kind::kScalar && KindOf(*node) == ScalarKind::kText)
    return node->text;
  report.AddExpected(*node, what);
  return std::nullopt;
}

std::optional<std::string> ReadName(const Node* node, std::string_view what,
                                    Report& report) {
  auto text = ReadText(node, what, report);
  if (!text) return std::nullopt;
  if (IsName(*text) && text->size() <= kMaxNameBytes) return text;
  report.AddExpected(*node,
                     fmt::format("{} (a letter, then letters, digits and _, at most "
                                 "{} in all)",
                                 what, kMaxNameBytes));
  return std::nullopt;
}

std::optional<bool> ReadFlag(const Node* node, Report& report) {
  if (node == nullptr) return std::nullopt;
  if (node->kind == Node::Kind::kScalar && KindOf(*node) == ScalarKind::kBoolean)
    return node->text == "true";
  report.AddExpected(*node, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> ReadWhole(const Node* node, std::int64_t min,
                                      std::int64_t max, Report& report) {
  if (node == nullptr) return std::nullopt;
  std::int64_t value = 0;
  if (node->kind == Node::Kind::kScalar && KindOf(*node) == ScalarKind::kInteger) {
    const auto* end = node->text.data() + node->text.size();
    const auto [last, code] = std::from_chars(node->text.data(), end, value);
    if (code == std::errc{} && last == end && value >= min && value <= max) return value;
  }
  report.AddExpected(*node, fmt::format("a whole number from {} to {}", min, max));
  return std::nullopt;
}

std::optional<std::uint64_t> ReadSize(const Node* node, std::uint64_t min,
                                      std::uint64_t max, Report& report) {
  const auto expected =
      fmt::format("a size from {}KiB to {}MiB, such as 16MiB", min >> 10U, max >> 20U);
  return ReadInUnit(node, min, max, expected, ParseByteSize, report);
}

std::optional<std::int64_t> ReadDurationMs(const Node* node, std::int64_t min,
                                           std::int64_t max, Report& report) {
  const auto expected =
      fmt::format("a duration from {}ms to {}s, such as 50ms", min, max / 1000);
  return ReadInUnit(node, min, max, expected, ParseDurationMs, report);
}

const std::vector<Node>* ReadList(const Node* node, std::string_view what,
                                  Report& report) {
  if (node == nullptr) return nullptr;
  if (node->kind == Node::Kind::kSequence) return &node->items;
  report.AddExpected(*node, what);
  return nullptr;
}

}  // namespace millrace::project
