#pragma once

#include <optional>
#include <string>

#include "query/access.hpp"
#include "schema/collection.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// One collections/*.yaml.
struct ReadCollectionResult {
  schema::Collection collection;
  query::Access access;
  Node name_at;       ///< where its name stands
  bool whole = true;  ///< false: something was wrong, `collection` may lack fields
};

/// `root` was read from `content`. Nullopt when not even the name can be read.
std::optional<ReadCollectionResult> ReadCollection(const Node& root,
                                                   std::string_view content,
                                                   Report& report);

/// collections/users.yaml of a closed project: fields, indexes, uniqueness and rules
/// beside those of Users().
std::optional<ReadCollectionResult> ReadUsers(const Node& root, std::string_view content,
                                              Report& report);

/// A type as in `{type: "decimal(10,2)"}` or `{type: object, fields: {…}}`.
std::optional<schema::Type> ReadType(const Node* type, const Node* fields, const Node& at,
                                     Report& report);

}  // namespace millrace::project
