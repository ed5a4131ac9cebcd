#pragma once

#include <string>
#include <string_view>

#include "rule_expression.hpp"

/// What may be compared with what in an access rule.
namespace millrace::query {

/// "the field amount (decimal(10,2))", "the number 5", "auth.role".
std::string Described(const Operand& operand, const schema::Columns& columns);

/// Why `a op b` means nothing, with the way out; empty if it does.
std::string WrongComparison(const Operand& a, Op op, const Operand& b,
                            const schema::Columns& columns);

std::string_view NameOf(AuthPart part);

}  // namespace millrace::query
