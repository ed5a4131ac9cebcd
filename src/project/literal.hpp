#pragma once

#include <optional>
#include <string>

#include "schema/type.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// The canonical JSON literal (schema/record_codec.hpp) that `node` is for a field of
/// `type`. No coercion: text that looks like a number must be quoted for a text field, a
/// number must not be for a number field. Nullopt and a problem otherwise.
std::optional<std::string> ReadLiteral(const Node& node, const schema::Type& type,
                                       Report& report);

/// Orders two literals of one scalar type: negative, 0 or positive.
int CompareLiterals(const schema::Type& type, const std::string& a, const std::string& b);

}  // namespace millrace::project
