#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sql/engine.hpp"

namespace millrace::pipeline {

/// The engine's syntax tree of one SELECT.
using Tree = nlohmann::ordered_json;

inline constexpr std::size_t kNoPosition = static_cast<std::size_t>(-1);

/// Something that the text says and a pipeline cannot do; `at` is a byte of the text.
struct SqlProblem {
  std::size_t at = kNoPosition;
  std::string message;
};

/// Byte of the text that a node stands at, kNoPosition where the tree does not say.
std::size_t PositionOf(const Tree& node);
/// "COLUMN_REF", "FUNCTION", …; empty for what is not an expression.
std::string_view ClassOf(const Tree& node);

/// Calls `visit` on each expression below and including `node`, parents first; children
/// are skipped where it returns false.
template <typename Visit>
void VisitExpressions(Tree& node, const Visit& visit) {
  if (node.is_object() && !ClassOf(node).empty() && !visit(node)) return;
  if (!node.is_structured()) return;
  for (auto& child : node) VisitExpressions(child, visit);
}

/// Parses one SELECT; the node ("SELECT_NODE" or another type) on success.
std::expected<Tree, SqlProblem> ParseSelect(sql::Session& session,
                                            const std::string& text);
/// The text of an expression.
Result<std::string> ExpressionText(sql::Session& session, const Tree& expression);

/// Refuses what a pipeline's SELECT must not have: everything in which a row would depend
/// on other rows, on other tables, on the time or on chance.
void CheckSelect(Tree& select, std::vector<SqlProblem>& problems);
/// The same for one expression.
void CheckExpression(Tree& expression, std::vector<SqlProblem>& problems);

/// Byte of `text` that an error of the engine points at ("LINE 2: …" and a caret).
std::size_t PositionInError(std::string_view text, std::string_view error);
/// The first line of an error, without the engine's excerpt.
std::string FirstLine(std::string_view error);

}  // namespace millrace::pipeline
