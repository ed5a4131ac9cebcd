#include "yaml.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "base/bytes.hpp"

namespace millrace::project {
namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::string_view kTextTag = "tag:yaml.org,2002:str";

/// Builds a Node out of yaml-cpp's events.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view content, Report& report)
      : content_(content), report_(report) {}

  int documents() const { return documents_; }
  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ != 2) return;
    const auto at = static_cast<std::size_t>(mark.pos);
    const bool is_document =
        at < content_.size() && content_.substr(at).starts_with("---");
    Add(mark, is_document ? "expected one document, got a second one behind ---"
                          : "not valid YAML: this belongs to nothing before it");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    CheckPlain(mark, "", anchor);
    Close(Make(mark, Node::Kind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Add(mark, "aliases (*name) are not used here: write the value out");
    Close(Make(mark, Node::Kind::kNull));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckPlain(mark, tag, anchor);
    auto node = Make(mark, Node::Kind::kScalar);
    node.text = value;
    node.quoted = tag == "!" || tag == kTextTag;
    Close(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    CheckPlain(mark, tag, anchor);
    open_.push_back({Make(mark, Node::Kind::kSequence), {}, {}});
  }
  void OnSequenceEnd() override { CloseOpen(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckPlain(mark, tag, anchor);
    open_.push_back({Make(mark, Node::Kind::kMapping), {}, {}});
  }
  void OnMapEnd() override { CloseOpen(); }

 private:
  struct Open {
    Node node;
    std::optional<Node> key;  ///< of a mapping, until its value comes
    std::map<std::string, int, std::less<>> lines;  ///< of the keys so far
  };

  void Add(const YAML::Mark& mark, std::string message) {
    report_.AddAt(mark.line + 1, mark.column + 1, std::move(message));
  }
  static Node Make(const YAML::Mark& mark, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  void CheckPlain(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor) {
    if (anchor != 0) Add(mark, "anchors (&name) are not used here: write the value out");
    if (!tag.empty() && tag != "?" && tag != "!" && tag != kTextTag)
      Add(mark, fmt::format("tags are not used here, got {}", tag));
  }

  void CloseOpen() {
    auto done = std::move(open_.back().node);
    open_.pop_back();
    Close(std::move(done));
  }

  /// Hands a finished node to what holds it.
  void Close(Node node) {
    if (open_.empty()) {
      if (documents_ == 1) root_ = std::move(node);
      return;
    }
    auto& [parent, key, lines] = open_.back();
    if (parent.kind == Node::Kind::kSequence) {
      parent.items.push_back(std::move(node));
    } else if (!key) {
      if (node.kind != Node::Kind::kScalar)
        report_.AddExpected(node, "a name as the key");
      key = std::move(node);
    } else {
      if (key->kind == Node::Kind::kScalar && CheckNew(*key, lines))
        AddMember(parent, std::move(*key), std::move(node));
      key.reset();
    }
  }

  bool CheckNew(const Node& key, std::map<std::string, int, std::less<>>& lines) {
    const auto [first, is_new] = lines.emplace(key.text, key.line);
    if (!is_new)
      report_.Add(key, fmt::format("{} stands here twice, first in line {}",
                                   Shown(key.text), first->second));
    return is_new;
  }

  static void AddMember(Node& mapping, Node key, Node value) {
    // yaml-cpp sees a value that is not there only at the next token.
    if (value.kind == Node::Kind::kNull && value.line != key.line) {
      value.line = key.line;
      value.column = key.column;
    }
    mapping.members.push_back({std::move(key), std::move(value)});
  }

  std::string_view content_;
  Report& report_;
  std::vector<Open> open_;
  Node root_;
  int documents_ = 0;
};

/// Whether line `line` (0-based) is indented by tabs, which YAML does not allow.
bool HasTabIndent(std::string_view content, int line) {
  for (; line > 0 && !content.empty(); --line)
    content.remove_prefix(std::min(content.find('\n'), content.size() - 1) + 1);
  const auto text = content.find_first_not_of(" \t");
  return content.substr(0, text).find('\t') != std::string_view::npos;
}

/// yaml-cpp's short messages, with the way out.
std::string Explain(const YAML::Exception& error, std::string_view content) {
  if (HasTabIndent(content, error.mark.line))
    return "not valid YAML: indent with spaces, not tabs";
  struct Hint {
    std::string_view message, hint;
  };
  constexpr std::array kHints = {
      Hint{"illegal map value", "a text with \": \" in it must be put in quotes"},
      Hint{"unknown token", "a text cannot begin with this character: put it in quotes"},
      Hint{"end of map not found", "check the indentation and the closing }"},
      Hint{"end of map flow not found", "a { is not closed"},
      Hint{"end of sequence flow not found", "a [ is not closed"},
      Hint{"end of sequence not found", "check the indentation"},
      Hint{"bad file", "lists or mappings are nested too deeply"},
  };
  for (const auto& [message, hint] : kHints)
    if (error.msg == message) return fmt::format("not valid YAML: {}", hint);
  return "not valid YAML: " + error.msg;
}

/// Byte that no YAML file may hold, or nullopt.
std::optional<std::size_t> FindForbidden(std::string_view content) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    const auto c = static_cast<unsigned char>(content[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) return i;
  }
  return std::nullopt;
}

bool CheckBytes(const std::string& content, Report& report) {
  if (!simdjson::validate_utf8(content.data(), content.size())) {
    report.AddAt(0, 0, "expected UTF-8 text");
    return false;
  }
  if (const auto at = FindForbidden(content)) {
    const std::string_view before(content.data(), *at);
    const auto line_start = before.rfind('\n');
    report.AddAt(static_cast<int>(std::ranges::count(before, '\n')) + 1,
                 static_cast<int>(
                     line_start == std::string_view::npos ? *at + 1 : *at - line_start),
                 "expected text, got a control character");
    return false;
  }
  return true;
}

bool IsInteger(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool IsReal(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text == ".inf" || text == ".nan") return true;
  bool digits = false;
  std::size_t i = 0;
  for (bool point = false; i < text.size(); ++i) {
    if (text[i] == '.' && !point)
      point = true;
    else if (text[i] >= '0' && text[i] <= '9')
      digits = true;
    else
      break;
  }
  if (!digits) return false;
  if (i == text.size()) return true;
  return (text[i] == 'e' || text[i] == 'E') && IsInteger(text.substr(i + 1));
}

}  // namespace

ScalarKind KindOf(const Node& scalar) {
  if (scalar.quoted) return ScalarKind::kText;
  if (scalar.text == "true" || scalar.text == "false") return ScalarKind::kBoolean;
  if (IsInteger(scalar.text)) return ScalarKind::kInteger;
  if (IsReal(scalar.text)) return ScalarKind::kReal;
  return ScalarKind::kText;
}

std::string Describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kSequence:
      return "a list";
    case Node::Kind::kMapping:
      return "a mapping";
    case Node::Kind::kScalar:
      break;
  }
  switch (KindOf(node)) {
    case ScalarKind::kBoolean:
      return node.text;
    case ScalarKind::kInteger:
    case ScalarKind::kReal:
      return "the number " + Shown(node.text);
    case ScalarKind::kText:
      break;
  }
  return Excerpt(std::string_view(node.text).substr(0, node.text.find('\n')),
                 kShownBytes);
}

std::string Shown(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./[](),";
  const bool plain = !text.empty() && text.size() <= kShownBytes &&
                     text.find_first_not_of(kPlain) == std::string_view::npos;
  if (plain) return std::string(text);
  return Excerpt(text.substr(0, text.find('\n')), kShownBytes);
}

void Report::AddExpected(const Node& node, std::string_view what) {
  Add(node, fmt::format("expected {}, got {}", what, Describe(node)));
}

std::optional<Node> ParseYaml(const std::string& content, Report& report) {
  if (!CheckBytes(content, report)) return std::nullopt;
  Builder builder(content, report);
  try {
    std::istringstream stream(content);
    YAML::Parser parser(stream);
    // At a token that begins nothing yaml-cpp gives empty documents for ever.
    while (builder.documents() < 2 && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    report.AddAt(error.mark.line + 1, error.mark.column + 1, Explain(error, content));
    return std::nullopt;
  }
  if (builder.documents() == 0) {
    report.AddAt(0, 0, "the file is empty");
    return std::nullopt;
  }
  return builder.TakeRoot();
}

}  // namespace millrace::project
