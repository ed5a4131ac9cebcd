#pragma once

#include <expected>
#include <memory>
#include <string_view>
#include <vector>

#include "query/rule.hpp"
#include "rule_expression.hpp"

namespace millrace::query {

/// Rule::Parse without the text: the checked expression, or every problem.
std::expected<RuleExpression, std::vector<RuleProblem>> ParseRule(
    std::string_view text, const schema::Columns& columns);

}  // namespace millrace::query
