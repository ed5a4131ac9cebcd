#pragma once

#include <string_view>

namespace millrace::pipeline {

/// Functions whose result does not follow from their arguments alone, so that a replay
/// would give other rows. Lower case. `error` is not among them: it fails always.
bool IsVolatileFunction(std::string_view name);
/// Functions over many rows, and those that give many rows for one.
bool IsAggregateFunction(std::string_view name);
bool IsTableFunction(std::string_view name);

}  // namespace millrace::pipeline
