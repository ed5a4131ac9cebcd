#pragma once

#include <string>
#include <vector>

#include "pipeline/compile.hpp"
#include "scope.hpp"
#include "sql_tree.hpp"

namespace millrace::pipeline {

struct JoinedLookup {
  std::size_t lookup = 0;  ///< of the pipeline's lookups
  std::string alias;
  bool inner = false;
  Tree condition;  ///< null with USING
  std::vector<std::string> using_columns;
  std::size_t at = kNoPosition;
};

/// FROM changes [alias] {LEFT | INNER} JOIN lookup [alias] …
struct FromClause {
  std::string alias;
  std::vector<JoinedLookup> joins;  ///< in order
  bool has_using = false;
};

FromClause ReadFrom(const Tree& from, const std::vector<project::Lookup>& lookups,
                    std::vector<SqlProblem>& problems);

/// The condition must be equality on exactly the lookup's `on` columns; fills
/// `compiled.on`. `table` is the lookup's table in the scope.
void CheckJoin(const Scope& scope, const JoinedLookup& join, std::size_t table,
               const project::Lookup& lookup, CompiledLookup& compiled,
               std::vector<SqlProblem>& problems);

}  // namespace millrace::pipeline
