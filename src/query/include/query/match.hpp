#pragma once

#include <memory>
#include <string_view>

#include "query/condition.hpp"
#include "schema/type.hpp"

namespace millrace::query {

/// Asks a condition of records in memory and answers as the store's SQL does: the same
/// order of values, nulls, patterns. Prepared once, immutable: any thread.
class Matcher {
 public:
  /// `columns` are those that the condition's indexes mean (Collection::DocumentColumns).
  Matcher(const Condition& condition, const schema::Columns& columns);

  /// `document`: canonical, as stored and sent (schema/record_codec.hpp). A field that it
  /// lacks, or holds in another type, is null. Cost: linear in the document a filter.
  bool Matches(std::string_view document) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;
};

}  // namespace millrace::query
