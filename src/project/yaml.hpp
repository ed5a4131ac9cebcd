#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "project/project.hpp"

namespace millrace::project {

struct Member;

/// A YAML value with its place: what the project's rules need and yaml-cpp's own nodes do
/// not keep (places of keys, quotes, duplicate keys).
struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  bool quoted = false;          ///< quoted or a block: text, whatever it looks like
  std::string text;             ///< kScalar
  std::vector<Node> items;      ///< kSequence
  std::vector<Member> members;  ///< kMapping, in order
  int line = 0;                 ///< 1-based
  int column = 0;               ///< 1-based, bytes
};

struct Member {
  Node key;  ///< a scalar
  Node value;
};

/// What a plain scalar means in YAML 1.2 (core schema).
enum class ScalarKind : std::uint8_t { kText, kBoolean, kInteger, kReal };
ScalarKind KindOf(const Node& scalar);

/// "a list", "the number 5", "'text'", "nothing": for "expected …, got …".
std::string Describe(const Node& node);

/// A name from a file for a message: as it is, or in quotes and cut where it is no name.
std::string Shown(std::string_view text);

/// Gathers problems of one file.
class Report {
 public:
  Report(std::string file, std::vector<Problem>& problems)
      : file_(std::move(file)), problems_(problems) {}
  void Add(const Node& at, std::string message) {
    AddAt(at.line, at.column, std::move(message));
  }
  void AddAt(int line, int column, std::string message) {
    problems_.push_back({file_, line, column, std::move(message)});
  }
  /// "expected <what>, got <node>".
  void AddExpected(const Node& node, std::string_view what);
  const std::string& file() const { return file_; }
  Place At(const Node& node) const { return {file_, node.line, node.column}; }
  std::size_t count() const { return problems_.size(); }

 private:
  std::string file_;
  std::vector<Problem>& problems_;
};

/// One document. Anchors, aliases, tags, keys that are not plain text, duplicate keys and
/// a second document are problems, as is anything but UTF-8. Nullopt where nothing can be
/// read on from; what is given otherwise may lack the parts that had problems.
std::optional<Node> ParseYaml(const std::string& content, Report& report);

}  // namespace millrace::project
