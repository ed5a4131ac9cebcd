#include "scope.hpp"

#include <algorithm>
#include <set>

#include "base/bytes.hpp"
#include "functions.hpp"
#include "text.hpp"

namespace millrace::pipeline {
namespace {

using From = InputColumn::From;

InputColumn System(From from, std::string name, schema::Kind kind) {
  return {from, 0, 0, std::move(name), schema::Type::Simple(kind)};
}

std::vector<std::string> NamesOf(const Tree& reference) {
  return reference.value("column_names", std::vector<std::string>{});
}

Tree ColumnReference(const std::vector<std::string>& names, std::string_view alias = {}) {
  return {{"class", "COLUMN_REF"},
          {"type", "COLUMN_REF"},
          {"alias", std::string(alias)},
          {"query_location", kNoPosition},
          {"column_names", names}};
}

std::string Unknown(const std::string& name, const std::vector<ScopeTable>& tables) {
  std::vector<std::string_view> known;
  for (const ScopeTable& table : tables) {
    for (const InputColumn& column : table.columns) known.push_back(column.name);
  }
  std::string message = "unknown column " + name;
  const auto near = NearMiss(name, known.data(), known.size());
  if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
  return message;
}

/// What EXCLUDE, REPLACE and RENAME of a star say, by lower-case column.
struct StarChanges {
  std::set<std::string> excluded;
  std::map<std::string, Tree> replaced;
  std::map<std::string, std::string> renamed;
};

StarChanges ReadStar(const Tree& star) {
  StarChanges changes;
  for (const Tree& name : star.value("exclude_list", Tree::array())) {
    if (name.is_string()) changes.excluded.insert(Lower(name.get<std::string>()));
  }
  for (const Tree& name : star.value("qualified_exclude_list", Tree::array())) {
    changes.excluded.insert(Lower(name.value("column", "")));
  }
  for (const Tree& item : star.value("replace_list", Tree::array())) {
    changes.replaced[Lower(item.value("key", ""))] = item["value"];
  }
  for (const Tree& item : star.value("rename_list", Tree::array())) {
    changes.renamed[Lower(item["key"].value("column", ""))] = item.value("value", "");
  }
  return changes;
}

}  // namespace

ScopeTable ChangesTable(const schema::Collection& collection, std::string alias) {
  ScopeTable table{std::move(alias), {}};
  const schema::Columns document = collection.DocumentColumns();
  for (std::size_t i = 0; i < document.size(); ++i) {
    // The change's own version, also for a delete, whose before-image has an older one.
    if (document[i].name == "_version") continue;
    table.columns.push_back({From::kField, i, 0, document[i].name, document[i].type});
  }
  table.columns.push_back(System(From::kOp, "_op", schema::Kind::kText));
  table.columns.push_back(System(From::kOperation, "_operation", schema::Kind::kText));
  table.columns.push_back(System(From::kTime, "_ts", schema::Kind::kTimestamp));
  table.columns.push_back(
      System(From::kProcessed, "_processed_at", schema::Kind::kTimestamp));
  table.columns.push_back(System(From::kId, "_id", schema::Kind::kText));
  table.columns.push_back(System(From::kOffset, "_offset", schema::Kind::kBigint));
  table.columns.push_back(System(From::kVersion, "_version", schema::Kind::kText));
  InputColumn before = System(From::kBefore, "_before", schema::Kind::kObject);
  before.type.children = document;
  table.columns.push_back(std::move(before));
  return table;
}

ScopeTable LookupTable(const schema::Collection& collection, std::size_t lookup,
                       std::string alias) {
  ScopeTable table{std::move(alias), {}};
  const schema::Columns document = collection.DocumentColumns();
  for (std::size_t i = 0; i < document.size(); ++i) {
    table.columns.push_back(
        {From::kLookup, i, lookup, document[i].name, document[i].type});
  }
  return table;
}

schema::Columns ColumnsOf(const ScopeTable& table) {
  schema::Columns columns;
  for (const InputColumn& column : table.columns) {
    columns.push_back({column.name, column.type});
  }
  return columns;
}

InputSet::InputSet() {
  columns_.push_back(System(From::kOffset, "_offset", schema::Kind::kBigint));
}

void InputSet::UseVersion() {
  Use(System(From::kVersion, "_version", schema::Kind::kText), "");
}

const std::string& InputSet::Use(const InputColumn& column, std::string_view table) {
  for (const InputColumn& known : columns_) {
    if (known.from == column.from && known.index == column.index &&
        known.lookup == column.lookup) {
      return known.name;
    }
  }
  columns_.push_back(column);
  // A field's name has no point, so these cannot meet a field of `changes`.
  if (!table.empty()) columns_.back().name = std::string(table) + "." + column.name;
  return columns_.back().name;
}

std::optional<Scope::Found> Scope::Find(const Tree& reference) const {
  const std::vector<std::string> names = NamesOf(reference);
  if (names.empty()) return std::nullopt;
  const auto column_of = [](const ScopeTable& table, std::string_view name) {
    const auto at = std::ranges::find_if(
        table.columns, [&](const auto& c) { return Lower(c.name) == Lower(name); });
    return at == table.columns.end() ? nullptr : &*at;
  };
  if (names.size() > 1) {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      if (Lower(tables_[i].alias) != Lower(names[0])) continue;
      if (const auto* column = column_of(tables_[i], names[1])) {
        return Found{i, column, 2};
      }
    }
  }
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    if (const auto* column = column_of(tables_[i], names[0])) return Found{i, column, 1};
  }
  return std::nullopt;
}

Tree Scope::Reference(std::size_t table, const InputColumn& column) {
  return ColumnReference(
      {input_.Use(column, table == 0 ? std::string_view() : lookups_[table - 1])},
      column.name);
}

void Scope::RewriteReference(Tree& node, std::vector<SqlProblem>& problems) {
  std::vector<std::string> names = NamesOf(node);
  if (std::ranges::find(locals_, Lower(names[0])) != locals_.end()) return;
  if (const auto found = Find(node)) {
    const Tree reference = Reference(found->table, *found->column);
    std::vector<std::string> rewritten = NamesOf(reference);
    rewritten.insert(rewritten.end(),
                     names.begin() + static_cast<std::ptrdiff_t>(found->names),
                     names.end());
    node["column_names"] = rewritten;
    return;
  }
  const std::string name = Lower(names[0]);
  if (const auto alias = aliases_.find(name); alias != aliases_.end()) {
    const std::string own_alias = node.value("alias", "");
    node = alias->second;
    node["alias"] = own_alias;
    return;
  }
  std::string message = IsVolatileFunction(name)
                            ? name +
                                  " would give other rows when changes are read again; "
                                  "use _ts for the time of the change"
                            : Unknown(names.back(), tables_);
  problems.push_back({PositionOf(node), std::move(message)});
}

void Scope::RewriteLambda(Tree& node, std::vector<SqlProblem>& problems) {
  Tree& left = node["lhs"];
  // `x -> 'path'` of JSON and the old form of a lambda read alike; the new form
  // (`lambda x: …`) gives its parameters no position.
  const bool arrow = ClassOf(left) != "COLUMN_REF" || PositionOf(left) != kNoPosition;
  const bool json = arrow && (ClassOf(left) != "COLUMN_REF" || Find(left)) &&
                    left.value("function_name", "") != "row";
  if (json) {
    Rewrite(left, problems);
    Rewrite(node["expr"], problems);
    return;
  }
  const std::size_t before = locals_.size();
  VisitExpressions(left, [&](Tree& parameter) {
    if (ClassOf(parameter) == "COLUMN_REF") {
      locals_.push_back(Lower(NamesOf(parameter).front()));
    }
    return true;
  });
  Rewrite(node["expr"], problems);
  locals_.resize(before);
}

void Scope::Rewrite(Tree& expression, std::vector<SqlProblem>& problems) {
  const std::string_view kind = expression.is_object() ? ClassOf(expression) : "";
  if (kind == "COLUMN_REF") return RewriteReference(expression, problems);
  if (kind == "LAMBDA") return RewriteLambda(expression, problems);
  if (kind == "STAR") {
    problems.push_back({PositionOf(expression), "* stands alone in the list of columns"});
    return;
  }
  if (!expression.is_structured()) return;
  for (Tree& child : expression) Rewrite(child, problems);
}

void Scope::AddAlias(const std::string& name, const Tree& rewritten) {
  aliases_.emplace(Lower(name), rewritten);
}

std::vector<Tree> Scope::ExpandStar(const Tree& star,
                                    std::vector<SqlProblem>& problems) const {
  std::vector<Tree> items;
  const Tree* expression = star.contains("expr") ? &star["expr"] : nullptr;
  if (star.value("columns", false) || (expression != nullptr && !expression->is_null())) {
    problems.push_back({PositionOf(star), "COLUMNS(…) is not allowed; name the columns"});
    return items;
  }
  const std::string only = Lower(star.value("relation_name", ""));
  const StarChanges changes = ReadStar(star);
  for (const ScopeTable& table : tables_) {
    if (!only.empty() && Lower(table.alias) != only) continue;
    for (const InputColumn& column : table.columns) {
      const std::string name = Lower(column.name);
      if (changes.excluded.contains(name)) continue;
      const auto renamed = changes.renamed.find(name);
      const std::string& alias =
          renamed == changes.renamed.end() ? column.name : renamed->second;
      const auto replaced = changes.replaced.find(name);
      items.push_back(replaced == changes.replaced.end()
                          ? ColumnReference({table.alias, column.name}, alias)
                          : replaced->second);
      items.back()["alias"] = alias;
      items.back()["query_location"] = PositionOf(star);
    }
  }
  return items;
}

}  // namespace millrace::pipeline
