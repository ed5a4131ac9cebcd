#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/collection.hpp"

namespace millrace::records {

/// A collection as it is declared, in a form that is stored and compared: "key" → its
/// name, "field amount" → "decimal(10,2) required min=\"0.00\"", "index (a, b)" and
/// "unique (a)" → "", "system _version" → the name of that field.
using DefinitionLines = std::map<std::string, std::string, std::less<>>;

/// The part of it that names the system fields: older definitions were stored without.
DefinitionLines SystemLines(const schema::Collection& collection);
DefinitionLines DefinitionOf(const schema::Collection& collection);
std::string UniqueLine(const std::vector<std::string>& fields);

/// One line each, name and text parted by a tab. The inverse ignores what it cannot read.
std::string ToText(const DefinitionLines& lines);
DefinitionLines ParseDefinition(std::string_view text);

}  // namespace millrace::records
