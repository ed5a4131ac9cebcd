#include "sql_text.hpp"

#include <algorithm>

namespace millrace::project {
namespace {

/// Takes the first line off `content`, without its end.
std::string_view TakeLine(std::string_view& content) {
  auto line = content.substr(0, content.find('\n'));
  content.remove_prefix(std::min(content.size(), line.size() + 1));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// A `|` block: line by line what stands in the file, less the same indent. False where
/// the lines do not match (a folded `>` block, say).
/// `below` is what follows the line with the `|`.
bool LocateBlock(SqlText& sql, std::string_view below) {
  std::string_view rest = sql.text;
  std::optional<std::size_t> indent;
  while (!rest.empty()) {
    const auto line = TakeLine(rest);
    const auto source = TakeLine(below);
    if (line.empty()) continue;
    if (!source.ends_with(line)) return false;
    if (!indent) indent = source.size() - line.size();
    if (source.size() - line.size() != *indent) return false;
  }
  if (!indent) return false;
  sql.indent = static_cast<int>(*indent);
  sql.start.line += 1;
  sql.start.column = sql.indent + 1;
  return true;
}

/// On one line, in quotes or not, without escapes.
bool LocateInLine(SqlText& sql, bool quoted, std::string_view line) {
  const auto begin = static_cast<std::size_t>(sql.start.column - (quoted ? 0 : 1));
  if (begin > line.size() || !line.substr(begin).starts_with(sql.text)) return false;
  if (quoted) sql.start.column += 1;
  return true;
}

}  // namespace

SqlText LocateText(const Node& scalar, std::string_view content, const Report& report) {
  SqlText sql{scalar.text, report.At(scalar)};
  for (int number = 1; number < scalar.line; ++number) TakeLine(content);
  const auto line = TakeLine(content);
  const auto first = static_cast<std::size_t>(scalar.column - 1);
  const bool block = first < line.size() && (line[first] == '|' || line[first] == '>');
  sql.exact = block ? LocateBlock(sql, content) : LocateInLine(sql, scalar.quoted, line);
  return sql;
}

Place SqlText::At(std::size_t offset) const {
  if (!exact) return start;
  const auto before = std::string_view(text).substr(0, std::min(offset, text.size()));
  const auto line_start = before.rfind('\n');
  Place place = start;
  if (line_start == std::string_view::npos) {
    place.column += static_cast<int>(before.size());
    return place;
  }
  place.line += static_cast<int>(std::ranges::count(before, '\n'));
  place.column = indent + static_cast<int>(before.size() - line_start);
  return place;
}

}  // namespace millrace::project
