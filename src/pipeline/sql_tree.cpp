#include "sql_tree.hpp"

#include <algorithm>

#include "functions.hpp"
#include "text.hpp"

namespace millrace::pipeline {
namespace {

const Tree* Member(const Tree& node, const char* name) {
  const auto found = node.find(name);
  return found == node.end() || found->is_null() ? nullptr : &*found;
}

bool HasItems(const Tree& node, const char* name) {
  const Tree* member = Member(node, name);
  return member != nullptr && !member->empty();
}

void CheckFunction(const Tree& node, std::vector<SqlProblem>& problems) {
  const std::string name = Lower(node.value("function_name", ""));
  const auto refuse = [&](std::string message) {
    problems.push_back({PositionOf(node), std::move(message)});
  };
  const Tree* order = Member(node, "order_bys");
  if (IsTableFunction(name)) {
    refuse(name + "() gives many rows for one change; a pipeline gives at most one");
  } else if (IsAggregateFunction(name) || node.value("distinct", false) ||
             HasItems(node, "filter") ||
             (order != nullptr && HasItems(*order, "orders"))) {
    refuse(name + "() is an aggregate over changes; it belongs into a model");
  } else if (IsVolatileFunction(name) || (name == "age" && HasItems(node, "children") &&
                                          node["children"].size() == 1)) {
    refuse(name +
           "() would give other rows when changes are read again; use _ts for the " +
           "time of the change, _id for its id");
  }
}

void CheckModifiers(const Tree& select, std::vector<SqlProblem>& problems) {
  for (const Tree& modifier : select.value("modifiers", Tree::array())) {
    const std::string type = modifier.value("type", "");
    std::string what = type.starts_with("LIMIT")      ? "LIMIT"
                       : type.starts_with("ORDER")    ? "ORDER BY"
                       : type.starts_with("DISTINCT") ? "DISTINCT"
                                                      : type;
    problems.push_back(
        {kNoPosition, what + " is over many changes; a pipeline sees each change alone"});
  }
}

}  // namespace

std::size_t PositionOf(const Tree& node) {
  const auto found = node.find("query_location");
  if (found == node.end() || !found->is_number_unsigned()) return kNoPosition;
  return found->get<std::size_t>();
}

std::string_view ClassOf(const Tree& node) {
  const auto found = node.find("class");
  if (found == node.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

std::expected<Tree, SqlProblem> ParseSelect(sql::Session& session,
                                            const std::string& text) {
  auto serialized = session.SerializeSql(text);
  if (!serialized) {
    const std::string& message = serialized.error().message();
    return std::unexpected(
        SqlProblem{PositionInError(text, message), FirstLine(message)});
  }
  Tree tree = Tree::parse(*serialized, nullptr, false);
  if (tree.is_discarded() || !tree.is_object()) {
    return std::unexpected(SqlProblem{kNoPosition, "the SQL cannot be read"});
  }
  if (tree.value("error", false)) {
    SqlProblem problem{kNoPosition,
                       tree.value("error_message", "the SQL cannot be read")};
    const std::string position = tree.value("position", "");
    if (!position.empty()) problem.at = std::strtoull(position.c_str(), nullptr, 10);
    return std::unexpected(std::move(problem));
  }
  if (tree["statements"].size() != 1) {
    return std::unexpected(SqlProblem{kNoPosition, "expected one SELECT statement"});
  }
  if (!tree["statements"][0]["named_param_map"].empty()) {
    return std::unexpected(SqlProblem{kNoPosition, "a pipeline's SQL has no parameters"});
  }
  return std::move(tree["statements"][0]["node"]);
}

Result<std::string> ExpressionText(sql::Session& session, const Tree& expression) {
  Tree node = {{"type", "SELECT_NODE"},
               {"modifiers", Tree::array()},
               {"cte_map", {{"map", Tree::array()}}},
               {"select_list", Tree::array({expression})},
               {"from_table",
                {{"type", "EMPTY"},
                 {"alias", ""},
                 {"sample", nullptr},
                 {"query_location", kNoPosition}}},
               {"where_clause", nullptr},
               {"group_expressions", Tree::array()},
               {"group_sets", Tree::array()},
               {"aggregate_handling", "STANDARD_HANDLING"},
               {"having", nullptr},
               {"sample", nullptr},
               {"qualify", nullptr}};
  node["select_list"][0]["alias"] = "";
  Tree tree = {
      {"error", false},
      {"statements",
       Tree::array({{{"node", std::move(node)}, {"named_param_map", Tree::array()}}})}};
  MR_TRY(std::string text, session.DeserializeSql(tree.dump()));
  constexpr std::string_view kSelect = "SELECT ";
  if (!text.starts_with(kSelect)) {
    return Fail(ErrorCode::kInternal, "unexpected text of an expression: " + text);
  }
  text.erase(0, kSelect.size());
  while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.pop_back();
  return text;
}

void CheckSelect(Tree& select, std::vector<SqlProblem>& problems) {
  const auto refuse = [&](std::string message) {
    problems.push_back({kNoPosition, std::move(message)});
  };
  if (select.value("type", "") != "SELECT_NODE") {
    refuse("expected one SELECT from `changes`, without UNION, INTERSECT or EXCEPT");
    return;
  }
  const auto cte = select.find("cte_map");
  if (cte != select.end() && HasItems(*cte, "map")) {
    refuse("WITH belongs into a model; a pipeline is one SELECT from `changes`");
  }
  CheckModifiers(select, problems);
  if (HasItems(select, "group_expressions") || HasItems(select, "group_sets") ||
      select.value("aggregate_handling", "") == "FORCE_AGGREGATES") {
    refuse("GROUP BY is over many changes; it belongs into a model");
  }
  if (HasItems(select, "having")) refuse("HAVING is over many changes");
  if (HasItems(select, "qualify")) refuse("QUALIFY is over many changes");
  if (HasItems(select, "sample")) refuse("SAMPLE would give other rows each time");
  CheckExpression(select["select_list"], problems);
  CheckExpression(select["where_clause"], problems);
}

void CheckExpression(Tree& expression, std::vector<SqlProblem>& problems) {
  VisitExpressions(expression, [&](Tree& node) {
    const std::string_view kind = ClassOf(node);
    const auto refuse = [&](std::string message) {
      problems.push_back({PositionOf(node), std::move(message)});
      return false;
    };
    if (kind == "SUBQUERY") {
      return refuse(
          "a subquery belongs into a model; declare a lookup to join another "
          "collection");
    }
    if (kind == "WINDOW") {
      return refuse("a window is over many changes; it belongs into a model");
    }
    if (kind == "PARAMETER") return refuse("a pipeline's SQL has no parameters");
    if (kind == "POSITIONAL_REFERENCE") return refuse("write the column's name");
    if (kind == "DEFAULT") return refuse("DEFAULT has no meaning here");
    if (kind == "FUNCTION") CheckFunction(node, problems);
    return true;
  });
}

std::size_t PositionInError(std::string_view text, std::string_view error) {
  const std::size_t line_at = error.rfind("LINE ");
  if (line_at == std::string_view::npos) return kNoPosition;
  const std::size_t colon = error.find(": ", line_at);
  const std::size_t end = error.find('\n', line_at);
  const std::size_t caret = error.find('^', line_at);
  if (colon == std::string_view::npos || end == std::string_view::npos || colon > end ||
      caret == std::string_view::npos) {
    return kNoPosition;
  }
  const std::size_t caret_line = error.rfind('\n', caret) + 1;
  const std::size_t prefix = colon + 2 - line_at;
  if (caret - caret_line < prefix) return kNoPosition;
  std::size_t column = caret - caret_line - prefix;
  std::size_t line =
      std::strtoull(std::string(error.substr(line_at + 5, 12)).c_str(), nullptr, 10);
  std::size_t start = 0;
  for (; line > 1; --line) {
    const std::size_t next = text.find('\n', start);
    if (next == std::string_view::npos) return kNoPosition;
    start = next + 1;
  }
  // A long line is cut: "...middle...", so the excerpt has to be found again.
  std::string_view excerpt = error.substr(colon + 2, end - colon - 2);
  if (excerpt.starts_with("...")) {
    excerpt.remove_prefix(3);
    if (excerpt.ends_with("...")) excerpt.remove_suffix(3);
    const std::size_t found = text.find(excerpt, start);
    if (found == std::string_view::npos || column < 3) return kNoPosition;
    start = found;
    column -= 3;
  }
  return std::min(start + column, text.size());
}

std::string FirstLine(std::string_view error) {
  std::string line(error.substr(0, error.find("\nLINE ")));
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::ranges::replace(line, '\n', ' ');
  return line;
}

}  // namespace millrace::pipeline
