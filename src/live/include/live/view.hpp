#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.hpp"
#include "query/match.hpp"
#include "query/query.hpp"
#include "schema/collection.hpp"

namespace millrace::live {

/// What a subscriber sees of a collection: the records that its filters match and that
/// the access rules leave to it. This is where a rule decides: query.visible holds what
/// it leaves to the query::Principal who asks, both in the store's snapshot (query) and
/// for each change (Shows). Immutable: any thread.
class View {
 public:
  /// `tenant`: whose records these are; empty where the collection has none.
  View(query::Query query, const schema::Collection& collection,
       std::string_view tenant = {});

  /// `document`: canonical, or empty for none.
  bool Shows(std::string_view document) const {
    return !document.empty() && matcher_.Matches(document);
  }
  const query::Query& query() const { return query_; }
  /// Equal views are asked once for all who have them.
  friend bool operator==(const View& a, const View& b) {
    return a.scope_ == b.scope_ && a.condition_ == b.condition_;
  }

  /// The id of a message about this version for who has this view. What the rules leave
  /// is in its ordinal, so that who comes back under another rule, or as somebody else,
  /// is known by its last id; 0 where they leave everything.
  Version Id(Version version) const {
    version.ordinal = scope_;
    return version;
  }

 private:
  const query::Query query_;
  const query::Condition condition_;
  const query::Matcher matcher_;
  const std::uint32_t scope_;
};

}  // namespace millrace::live
