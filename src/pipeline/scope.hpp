#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "pipeline/compile.hpp"
#include "sql_tree.hpp"

namespace millrace::pipeline {

/// A table as the user's SQL sees it.
struct ScopeTable {
  std::string alias;
  std::vector<InputColumn> columns;  ///< named as in the SQL
};

/// `changes` of a collection: every field, then `_op`, `_operation`, `_ts`, `_id`,
/// `_offset`, `_version`, `_before`.
ScopeTable ChangesTable(const schema::Collection& collection, std::string alias);
/// Document columns of a lookup's collection.
ScopeTable LookupTable(const schema::Collection& collection, std::size_t lookup,
                       std::string alias);
schema::Columns ColumnsOf(const ScopeTable& table);

/// The columns of the relation, in the order in which they were first used.
class InputSet {
 public:
  InputSet();  ///< has `_offset`
  void UseVersion();
  /// Name in the relation; adds the column if it is new. `table`: the lookup's name.
  const std::string& Use(const InputColumn& column, std::string_view table);
  const std::vector<InputColumn>& columns() const { return columns_; }

 private:
  std::vector<InputColumn> columns_;
};

/// Resolves the names of one statement and rewrites its expressions so that they read
/// the relation alone.
class Scope {
 public:
  /// `tables[0]` is `changes`; `lookup_names[i]` names tables[i + 1].
  Scope(std::vector<ScopeTable> tables, std::vector<std::string> lookup_names,
        InputSet& input)
      : tables_(std::move(tables)), lookups_(std::move(lookup_names)), input_(input) {}

  /// The column that a reference names, before rewriting.
  struct Found {
    std::size_t table;
    const InputColumn* column;
    std::size_t names;  ///< how many parts of the name it took; the rest are fields
  };
  std::optional<Found> Find(const Tree& reference) const;

  /// Makes the expression read the relation. Problems name what is unknown.
  void Rewrite(Tree& expression, std::vector<SqlProblem>& problems);
  /// An output column, whose name later expressions may use as the engine allows.
  void AddAlias(const std::string& name, const Tree& rewritten);
  /// `*` or `table.*` with EXCLUDE, REPLACE and RENAME: expressions with their alias.
  std::vector<Tree> ExpandStar(const Tree& star, std::vector<SqlProblem>& problems) const;
  /// A reference to a column of the relation.
  Tree Reference(std::size_t table, const InputColumn& column);
  const std::vector<ScopeTable>& tables() const { return tables_; }

 private:
  void RewriteReference(Tree& node, std::vector<SqlProblem>& problems);
  void RewriteLambda(Tree& node, std::vector<SqlProblem>& problems);

  std::vector<ScopeTable> tables_;
  std::vector<std::string> lookups_;
  InputSet& input_;
  std::map<std::string, Tree> aliases_;  ///< lower case
  std::vector<std::string> locals_;      ///< parameters of the lambdas around
};

}  // namespace millrace::pipeline
