#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/compile.hpp"

namespace millrace::pipeline {

using PlacedProblem = std::pair<project::Place, std::string>;

/// Puts what the table says of its columns (`columns`, `insert_only`, `indexes`) around
/// the sink's SELECT over `outputs`; gives what is wrong with the names and types.
std::vector<PlacedProblem> AddColumnRules(const project::TableSink& table,
                                          const std::vector<std::string>& outputs,
                                          const schema::Collection& collection,
                                          CompiledSink& sink);

}  // namespace millrace::pipeline
