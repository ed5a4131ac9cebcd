#include "compile_from.hpp"

#include <algorithm>
#include <set>

#include "base/bytes.hpp"
#include "text.hpp"

namespace millrace::pipeline {
namespace {

std::string TableName(const Tree& node) {
  if (!node.value("schema_name", "").empty() || !node.value("catalog_name", "").empty()) {
    return node.value("schema_name", "") + "." + node.value("table_name", "");
  }
  return node.value("table_name", "");
}

bool CheckBaseTable(const Tree& node, std::vector<SqlProblem>& problems) {
  const auto refuse = [&](std::string message) {
    problems.push_back({PositionOf(node), std::move(message)});
    return false;
  };
  if (node.value("type", "") != "BASE_TABLE") {
    return refuse("expected FROM changes with LEFT or INNER JOINs of declared lookups");
  }
  const auto sample = node.find("sample");
  if (sample != node.end() && !sample->is_null()) {
    return refuse("TABLESAMPLE would give other rows each time");
  }
  const auto names = node.find("column_name_alias");
  if (names != node.end() && !names->empty()) {
    return refuse("columns of a table cannot be renamed in FROM");
  }
  return true;
}

std::string UnknownLookup(const std::string& name,
                          const std::vector<project::Lookup>& lookups) {
  std::vector<std::string_view> known;
  for (const project::Lookup& lookup : lookups) known.push_back(lookup.name);
  std::string message = "table " + name + " is neither `changes` nor a declared lookup";
  const auto near = NearMiss(name, known.data(), known.size());
  if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
  return message;
}

void ReadJoin(const Tree& node, const std::vector<project::Lookup>& lookups,
              FromClause& from, std::vector<SqlProblem>& problems) {
  const Tree& right = node["right"];
  if (!CheckBaseTable(right, problems)) return;
  const std::string name = TableName(right);
  const auto found = std::ranges::find_if(
      lookups, [&](const auto& lookup) { return Lower(lookup.name) == Lower(name); });
  const auto refuse = [&](std::string message) {
    problems.push_back({PositionOf(right), std::move(message)});
  };
  if (found == lookups.end()) return refuse(UnknownLookup(name, lookups));
  const auto index = static_cast<std::size_t>(found - lookups.begin());
  for (const JoinedLookup& join : from.joins) {
    if (join.lookup == index) return refuse("lookup " + name + " is joined twice");
  }
  const std::string type = node.value("join_type", "");
  const std::string kind = node.value("ref_type", "");
  if ((type != "LEFT" && type != "INNER") || kind != "REGULAR") {
    return refuse(
        "expected LEFT JOIN or INNER JOIN … ON equality; a pipeline gives at "
        "most one row for a change");
  }
  JoinedLookup join{index,
                    right.value("alias", ""),
                    type == "INNER",
                    node["condition"],
                    node.value("using_columns", std::vector<std::string>{}),
                    PositionOf(right)};
  if (join.alias.empty()) join.alias = found->name;
  from.has_using = from.has_using || !join.using_columns.empty();
  from.joins.push_back(std::move(join));
}

void ReadTables(const Tree& node, const std::vector<project::Lookup>& lookups,
                FromClause& from, std::vector<SqlProblem>& problems) {
  if (node.value("type", "") == "JOIN") {
    ReadTables(node["left"], lookups, from, problems);
    if (problems.empty()) ReadJoin(node, lookups, from, problems);
    return;
  }
  if (!CheckBaseTable(node, problems)) return;
  if (Lower(TableName(node)) != kRelation) {
    problems.push_back(
        {PositionOf(node), "expected FROM changes, found " + TableName(node)});
    return;
  }
  from.alias = node.value("alias", "");
  if (from.alias.empty()) from.alias = kRelation;
}

using Pair = std::pair<std::size_t, std::size_t>;

/// The (lookup column, change column) of `a = b`, or nullopt.
std::optional<Pair> ReadEquality(const Scope& scope, const Tree& node,
                                 std::size_t table) {
  if (node.value("type", "") != "COMPARE_EQUAL") return std::nullopt;
  const Tree& left = node["left"];
  const Tree& right = node["right"];
  if (ClassOf(left) != "COLUMN_REF" || ClassOf(right) != "COLUMN_REF") {
    return std::nullopt;
  }
  auto a = scope.Find(left);
  auto b = scope.Find(right);
  if (!a || !b) return std::nullopt;
  if (a->table == 0) std::swap(a, b);
  const bool whole =
      left["column_names"].size() <= 2 && right["column_names"].size() <= 2;
  if (!whole || a->table != table || b->table != 0 ||
      b->column->from != InputColumn::From::kField) {
    return std::nullopt;
  }
  return Pair{a->column->index, b->column->index};
}

bool ReadCondition(const Scope& scope, const Tree& node, std::size_t table,
                   std::set<Pair>& pairs) {
  if (node.value("type", "") == "CONJUNCTION_AND") {
    return std::ranges::all_of(node["children"], [&](const Tree& child) {
      return ReadCondition(scope, child, table, pairs);
    });
  }
  const auto pair = ReadEquality(scope, node, table);
  if (pair) pairs.insert(*pair);
  return pair.has_value();
}

std::optional<std::size_t> ColumnIndex(const ScopeTable& table, std::string_view name) {
  for (const InputColumn& column : table.columns) {
    if (Lower(column.name) == Lower(name)) return column.index;
  }
  return std::nullopt;
}

std::string Expected(const Scope& scope, std::size_t table,
                     const project::Lookup& lookup) {
  std::string text;
  for (const auto& [left, right] : lookup.on) {
    text += (text.empty() ? "" : " AND ") + scope.tables()[table].alias + "." + left +
            " = " + scope.tables()[0].alias + "." + right;
  }
  return "expected ON " + text + ", as the lookup " + lookup.name + " declares";
}

}  // namespace

FromClause ReadFrom(const Tree& from, const std::vector<project::Lookup>& lookups,
                    std::vector<SqlProblem>& problems) {
  FromClause clause;
  ReadTables(from, lookups, clause, problems);
  return clause;
}

void CheckJoin(const Scope& scope, const JoinedLookup& join, std::size_t table,
               const project::Lookup& lookup, CompiledLookup& compiled,
               std::vector<SqlProblem>& problems) {
  const ScopeTable& changes = scope.tables()[0];
  const ScopeTable& own = scope.tables()[table];
  std::set<Pair> declared;
  for (const auto& [left, right] : lookup.on) {
    const auto a = ColumnIndex(own, left);
    const auto b = ColumnIndex(changes, right);
    if (!a || !b) {
      problems.push_back({join.at, "lookup " + lookup.name + " is on an unknown column"});
      return;
    }
    declared.emplace(*a, *b);
    compiled.on.emplace_back(*a, *b);
  }
  std::set<Pair> written;
  bool equalities = true;
  for (const std::string& name : join.using_columns) {
    const auto a = ColumnIndex(own, name);
    const auto b = ColumnIndex(changes, name);
    if (a && b) written.emplace(*a, *b);
  }
  if (join.using_columns.empty()) {
    equalities =
        !join.condition.is_null() && ReadCondition(scope, join.condition, table, written);
  }
  if (!equalities || written != declared) {
    const std::size_t at =
        join.condition.is_object() ? PositionOf(join.condition) : join.at;
    problems.push_back(
        {at == kNoPosition ? join.at : at, Expected(scope, table, lookup)});
  }
}

}  // namespace millrace::pipeline
