#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "query/access.hpp"
#include "query/match.hpp"
#include "schema/collection.hpp"

namespace millrace::gateway {

/// Who asks, by a request's credentials. Runs on the server's thread and must not block.
/// kUnauthenticated: there are some, and they are bad; none at all is nobody.
using WhoAsks = std::function<Result<query::Principal>(const http::Request&)>;

/// The access rules of a closed project.
struct AccessControl {
  std::map<std::string, query::Access, std::less<>> rules;  ///< for each collection
  WhoAsks who;
};

/// What a request may do with one collection. The default is everything, as in an open
/// project.
struct Grant {
  std::string tenant;  ///< the store's; empty where the collection has none
  query::Condition condition;
  /// Names who asks, for what is kept or handed out under a request: idempotency keys,
  /// cursors. Empty in an open project.
  std::string scope;

  bool Sees(std::string_view document, const schema::Collection& collection) const;
  /// For the store: nullopt where every record matches.
  std::optional<query::Matcher> Matching(const schema::Collection& collection) const;
};

/// `access` null: open. Errors name the operation and the collection alone:
/// kPermissionDenied (no rule opens it, or it belongs to tenants and the principal has
/// none), kUnauthenticated (the credentials).
Result<Grant> Allow(const AccessControl* access, query::Operation operation,
                    const http::Request& request, const std::string& collection);

}  // namespace millrace::gateway
