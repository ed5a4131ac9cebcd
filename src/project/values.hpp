#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "yaml.hpp"

namespace millrace::project {

/// "; did you mean x?", or "" where nothing is near.
std::string DidYouMean(std::string_view word,
                       std::span<const std::string_view> candidates);
/// "a, b, c", the first twenty of them.
std::string Join(std::span<const std::string_view> words);

/// A mapping with known keys. What is not a mapping, or has other keys, is a problem.
class Keys {
 public:
  Keys(const Node& node, std::string_view what, std::vector<std::string_view> known,
       Report& report);
  /// The value of `key`; null where it is absent.
  const Node* Find(std::string_view key) const;
  /// The same; absence is a problem: "needs <key>, such as <example>".
  const Node* Need(std::string_view key, std::string_view example) const;

 private:
  const Node& node_;
  std::string_view what_;
  Report& report_;
};

/// Readers of single values: nullopt (and a problem) where the value is another one. They
/// take a null pointer for an absent key: nullopt, no problem.
std::optional<std::string> ReadText(const Node* node, std::string_view what,
                                    Report& report);
/// A name of ours: [A-Za-z][A-Za-z0-9_]*, at most 63 bytes. Safe in SQL, URLs and files.
std::optional<std::string> ReadName(const Node* node, std::string_view what,
                                    Report& report);
std::optional<bool> ReadFlag(const Node* node, Report& report);
std::optional<std::int64_t> ReadWhole(const Node* node, std::int64_t min,
                                      std::int64_t max, Report& report);
std::optional<std::uint64_t> ReadSize(const Node* node, std::uint64_t min,
                                      std::uint64_t max, Report& report);
std::optional<std::int64_t> ReadDurationMs(const Node* node, std::int64_t min,
                                           std::int64_t max, Report& report);
/// A list; null (and a problem) for anything else, null for an absent one.
const std::vector<Node>* ReadList(const Node* node, std::string_view what,
                                  Report& report);

template <typename T>
std::optional<T> ReadChoice(const Node* node,
                            const std::vector<std::pair<std::string_view, T>>& choices,
                            Report& report) {
  if (node == nullptr) return std::nullopt;
  std::vector<std::string_view> names;
  for (const auto& [name, value] : choices) {
    if (node->kind == Node::Kind::kScalar && node->text == name) return value;
    names.push_back(name);
  }
  const auto near =
      node->kind == Node::Kind::kScalar ? DidYouMean(node->text, names) : "";
  report.Add(*node, fmt::format("expected one of {}, got {}{}", Join(names),
                                Describe(*node), near));
  return std::nullopt;
}

/// Whether [A-Za-z][A-Za-z0-9_]*.
bool IsName(std::string_view text);
std::string ToLower(std::string_view text);

}  // namespace millrace::project
