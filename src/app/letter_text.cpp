#include "letter_text.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <map>
#include <vector>

#include "change/sums.hpp"

namespace millrace::app {
namespace {

using simdjson::dom::element;

std::string Text(const element& object, const char* name) {
  element member;
  if (object[name].get(member) != simdjson::SUCCESS || member.is_null()) return {};
  std::string_view text;
  if (member.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(member);
}

/// Minified JSON with a member a line, as deep as it goes.
std::string Pretty(std::string_view json) {
  std::string out;
  int depth = 2;
  bool in_text = false;
  const auto line = [&] {
    out += "\n" + std::string(static_cast<std::size_t>(depth), ' ');
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      out += c;
      if (c == '\\' && i + 1 < json.size()) out += json[++i];
      in_text = c != '"';
      continue;
    }
    in_text = c == '"';
    const bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
    if (closes && out.back() != '{' && out.back() != '[') {
      depth -= 2;
      line();
    } else if (closes) {
      depth -= 2;
    }
    out += c;
    if (c == ':') out += ' ';
    if (opens) depth += 2;
    const bool empty =
        opens && i + 1 < json.size() && (json[i + 1] == '}' || json[i + 1] == ']');
    if ((opens && !empty) || c == ',') line();
  }
  return out;
}

/// An event for people: its JSON, or its text where it is none.
std::string Event(const std::string& text) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(text).get(root) != simdjson::SUCCESS) return text;
  return Pretty(simdjson::minify(root));
}

std::map<std::string, std::string> Members(const std::string& document,
                                           std::vector<std::string>& order) {
  std::map<std::string, std::string> members;
  change::ForEachMember(document, [&](std::string_view member) {
    const auto end = member.find("\":");
    const std::string name(member.substr(1, end - 1));
    if (members.emplace(name, member.substr(end + 2)).second) order.push_back(name);
  });
  return members;
}

std::string Difference(const std::string& before, const std::string& after) {
  std::vector<std::string> order;
  const auto old = Members(before, order);
  const auto now = Members(after, order);
  if (old.empty() && !before.empty()) return "  - " + before + "\n  + " + after + "\n";
  std::string out;
  const auto of = [](const auto& members, const std::string& name) {
    const auto found = members.find(name);
    return found == members.end() ? std::string("(absent)") : found->second;
  };
  for (const std::string& name : order) {
    const std::string was = of(old, name), is = of(now, name);
    const auto line = fmt::format("  {}: {} -> {}\n", name, was, is);
    if (was != is && out.find(line) == std::string::npos) out += line;
  }
  return out;
}

}  // namespace

std::string LetterLine(std::string_view json) {
  simdjson::dom::parser parser;
  element letter;
  if (parser.parse(simdjson::padded_string(json)).get(letter) != simdjson::SUCCESS) {
    return {};
  }
  std::string state = Text(letter, "state");
  if (const auto why = Text(letter, "dismissal"); !why.empty()) state += ": " + why;
  return fmt::format("{} {}/{} {}@{} key {} [{}] {}{}{}\n  {}\n", Text(letter, "id"),
                     Text(letter, "pipeline"), Text(letter, "sink"),
                     Text(letter, "stream"), Text(letter, "offset"), Text(letter, "key"),
                     Text(letter, "stage"), state == "open" ? "" : "(" + state + ") ",
                     Text(letter, "mended").empty() ? "" : "(mended) ",
                     Text(letter, "reason"), Text(letter, "payload"));
}

std::string LetterPage(std::string_view json) {
  simdjson::dom::parser parser;
  element letter;
  if (parser.parse(simdjson::padded_string(json)).get(letter) != simdjson::SUCCESS) {
    return {};
  }
  std::string out;
  for (const char* name : {"id", "state", "pipeline", "sink", "stream", "offset",
                           "event_id", "version", "key", "stage", "reason", "first_at",
                           "at", "attempts", "run", "mend", "dismissal"}) {
    const std::string text = Text(letter, name);
    if (!text.empty()) out += fmt::format("{:<9} {}\n", name, text);
  }
  out += "payload   " + Event(Text(letter, "payload")) + "\n";
  const std::string mended = Text(letter, "mended");
  if (!mended.empty()) out += "mended    " + Event(mended) + "\n";
  return out;
}

std::string MendText(std::string_view json) {
  simdjson::dom::parser parser;
  element report;
  simdjson::dom::array items;
  if (parser.parse(simdjson::padded_string(json)).get(report) != simdjson::SUCCESS ||
      report["items"].get(items) != simdjson::SUCCESS) {
    return {};
  }
  std::string out;
  for (const element item : items) {
    out +=
        fmt::format("letter {} {} key {} [{}] {}\n", Text(item, "id"), Text(item, "sink"),
                    Text(item, "key"), Text(item, "stage"), Text(item, "reason"));
    out += Difference(Text(item, "before"), Text(item, "after"));
    if (Text(item, "changed") != "true") out += "  (unchanged)\n";
    if (const auto problem = Text(item, "problem"); !problem.empty()) {
      out += "  ! " + problem + "\n";
    }
  }
  const bool applied = Text(report, "applied") == "true";
  const std::string letters = Text(report, "letters");
  if (std::to_string(items.size()) != letters) {
    out += fmt::format("({} of {} letters shown)\n", items.size(), letters);
  }
  const auto number = [&](const char* name) {
    return std::strtoull(Text(report, name).c_str(), nullptr, 10);
  };
  out += fmt::format("{} letters: {} {}, {} unchanged, {} would still fail\n", letters,
                     number("changed"), applied ? "changed" : "would change",
                     number("letters") - number("changed"), number("failing"));
  out += applied ? "stored beside the originals; send them again with `millrace "
                   "deadletters redrive`\n"
                 : "nothing is stored yet: --apply does it\n";
  return out;
}

std::string RedriveText(std::string_view json) {
  simdjson::dom::parser parser;
  element progress;
  if (parser.parse(simdjson::padded_string(json)).get(progress) != simdjson::SUCCESS) {
    return {};
  }
  return fmt::format("run {}: {} applied, {} superseded, {} died again, {} waiting\n",
                     Text(progress, "run"), Text(progress, "applied"),
                     Text(progress, "superseded"), Text(progress, "died"),
                     Text(progress, "waiting"));
}

}  // namespace millrace::app
