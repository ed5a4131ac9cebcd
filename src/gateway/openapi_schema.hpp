#pragma once

#include <cstdint>
#include <string>

#include "schema/collection.hpp"

namespace millrace::gateway {

/// Which bodies of a collection a schema is of.
enum class BodyOf : std::uint8_t {
  kRecord,   ///< as it goes out: every field, the system fields too
  kCreate,   ///< what may be left out is not required
  kReplace,  ///< the same, and the key may be left out
  kPatch,    ///< nothing is required, and there is no key
  kEvent,    ///< of a stream: its key may always be left out
};

/// JSON Schema (2020-12) of these bodies.
std::string SchemaOf(const schema::Collection& collection, BodyOf body);
/// One of them, by types, defaults and rules.
std::string ExampleOf(const schema::Collection& collection, BodyOf body);
/// The schema of one value that is there, without the rules of a field.
std::string SchemaOf(const schema::Type& type);

}  // namespace millrace::gateway
