#pragma once

#include <string>
#include <vector>

#include "column_rules.hpp"
#include "pipeline/compile.hpp"
#include "scope.hpp"
#include "sql_tree.hpp"

namespace millrace::pipeline {

/// The user's SELECT, over the relation.
struct SelectParts {
  struct Output {
    std::string name;
    std::string text;
    std::size_t at = kNoPosition;  ///< in the user's SQL
    bool computed = false;         ///< more than a column or a constant: it can fail
    bool reads_now = false;        ///< another run may give another value
  };
  std::vector<Output> outputs;
  std::string where;               ///< empty: none
  bool filter_reads_now = false;   ///< `where` or `found`
  std::vector<std::string> found;  ///< columns that say whether an INNER lookup has a row
};

/// The statements of one sink, and checks of names and key. Problems without a position
/// are about the sink; `column_problems` about what it says of its columns.
CompiledSink MakeSink(const project::Sink& sink, const SelectParts& parts,
                      const schema::Collection& collection, InputSet& input,
                      std::vector<SqlProblem>& problems,
                      std::vector<PlacedProblem>& column_problems);

/// Prepares the statements over the relation and fills in `output`; drops those that
/// cannot be asked for failing rows.
Status PrepareSink(sql::Session& relation, CompiledSink& sink);

}  // namespace millrace::pipeline
