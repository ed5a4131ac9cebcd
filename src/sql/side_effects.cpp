#include "side_effects.hpp"

#include <optional>
#include <string_view>

#include "sql_text.hpp"

namespace millrace::sql {
namespace {

/// Of the engine's functions, those that a SELECT can call and that change something
/// beyond it. enable_logging and enable_profiling even end the database, by a file that
/// they may not write. The last three run or open what the SELECT does not show.
constexpr std::string_view kDoMore[] = {"checkpoint",
                                        "force_checkpoint",
                                        "enable_logging",
                                        "disable_logging",
                                        "enable_profiling",
                                        "disable_profiling",
                                        "truncate_duckdb_logs",
                                        "write_log",
                                        "query",
                                        "read_duckdb",
                                        "json_execute_serialized_sql"};

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// What may stand between a name and its bracket. Some of what is no ASCII is white space
/// to the engine.
void SkipToBracket(std::string_view& text) {
  for (auto left = text.size() + 1; text.size() < left;) {
    left = text.size();
    SkipSpace(text);
    if (text.starts_with('"') || (!text.empty() && !IsAscii(text.front()))) {
      text.remove_prefix(1);
    }
  }
}

/// Also true of what only looks so, in a quoted text or a comment; but no call is missed.
bool MayCall(std::string_view lower, std::string_view name) {
  for (auto at = lower.find(name); at != std::string_view::npos;
       at = lower.find(name, at + 1)) {
    const char before = at == 0 ? ' ' : lower[at - 1];
    if (std::isalnum(static_cast<unsigned char>(before)) != 0 || before == '_') continue;
    auto rest = lower.substr(at + name.size());
    SkipToBracket(rest);
    if (rest.starts_with('(')) return true;
  }
  return false;
}

}  // namespace

Status CheckOnlyReads(Session& session, const std::string& select) {
  const auto lower = Lower(select);
  std::optional<std::string> tree;
  for (const auto name : kDoMore) {
    if (!MayCall(lower, name)) continue;
    if (!tree) {
      auto serialized = session.SerializeSql(select);
      tree = serialized ? Lower(*std::move(serialized)) : std::string();
    }
    // Quotes within a value of the tree have a backslash. Without a tree (EXPLAIN has
    // none) the look of it counts.
    const auto call = "\"function_name\":\"" + std::string(name) + "\"";
    if (!tree->empty() && !tree->contains(call)) continue;
    return Fail(ErrorCode::kInvalidArgument,
                std::string(name) + "() cannot be called here: it does more than read");
  }
  return {};
}

}  // namespace millrace::sql
