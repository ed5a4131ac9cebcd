#pragma once

#include <optional>
#include <string>

#include "schema/collection.hpp"
#include "yaml.hpp"

namespace millrace::project {

enum class Role : std::uint8_t {
  kKey,
  kOther,
  kUnknown,  ///< the collection's `key` is wrong: nothing is said about keys
};

/// A field and its rules: `{type: text, required: true, …}`, or just its type.
std::optional<schema::Field> ReadField(const Node& name, const Node& value, Role role,
                                       Report& report);

}  // namespace millrace::project
