#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "project/project.hpp"
#include "query/access.hpp"
#include "query/match.hpp"
#include "schema/collection.hpp"

namespace millrace::gateway {

/// Who asks, by a request's credentials. Runs on the server's thread and must not block.
/// kUnauthenticated: there are some, and they are bad; none at all is nobody.
using WhoAsks = std::function<Result<query::Principal>(const http::Request&)>;

/// The access rules of a closed project.
struct AccessControl {
  /// For each collection and stream.
  std::map<std::string, query::Access, std::less<>> rules;
  /// The text of `list` for each table that has one, by the table's name in
  /// `/api/tables`.
  std::map<std::string, std::string, std::less<>> tables;
  WhoAsks who;
};

/// What a project's files say, with nobody to ask yet.
AccessControl RulesOf(const project::Project& project);

/// What a request may do with one collection, stream or table. The default is everything,
/// as in an open project.
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

/// `access` null: open, and nobody is asked. kUnauthenticated: the credentials.
Result<query::Principal> WhoIs(const AccessControl* access, const http::Request& request);

/// `access` null: open. Errors name the operation and the collection or stream alone:
/// kPermissionDenied (no rule opens it, an API key's scopes leave it out, or it belongs
/// to tenants and the principal has none), kUnauthenticated (the credentials).
Result<Grant> Allow(const AccessControl* access, query::Operation operation,
                    const http::Request& request, const std::string& name);
Result<Grant> Allow(const AccessControl* access, query::Operation operation,
                    const query::Principal& who, const std::string& name);

/// The same for the rows of a table, which has `columns`. Also kPermissionDenied where
/// the rule does not fit them: the table is still as an older definition made it.
Result<Grant> AllowTable(const AccessControl* access, const query::Principal& who,
                         const std::string& table, const schema::Columns& columns);

/// Whether a rule leaves any of these to `who`: what a listing names.
bool Opens(const AccessControl* access, const query::Principal& who,
           const std::string& name, std::span<const query::Operation> operations);

}  // namespace millrace::gateway
