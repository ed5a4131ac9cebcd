#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "project/project.hpp"
#include "query/access.hpp"
#include "query/principal.hpp"

namespace millrace::app {

/// "user=ada,role=admin,tenant=acme,key=k1,claims.plan=pro" or "nobody". Claims that look
/// like true, false or a number are one. kInvalidArgument names what can stand there.
Result<query::Principal> ReadPrincipal(std::string_view text);

/// What the access rules of one collection, stream or table open to whom: for `who`, or
/// in general.
struct AccessReport {
  std::string_view kind;   ///< "collection", "stream", "table"
  std::string_view thing;  ///< what it has: "record", "event", "row"
  std::string name;
  bool open = false;  ///< the project
  query::Access access;
  schema::Columns columns;
  std::span<const query::Operation> operations;
  std::optional<query::Principal> who;

  /// A paragraph an operation, in plain words.
  std::string ToText() const;
  /// {"collection" (or "stream",
  /// "table"),"access","tenant","operations":[{"operation","rule",…}]}: for `who` with
  /// "condition", else with "nobody", "signed_in" and "roles"; conditions are written as
  /// rules are, "true" is every record.
  std::string ToJson() const;
};

/// A collection or stream, else a table: "orders", "table.orders" (where a collection is
/// called so, too) or "lake.orders_history". kNotFound names what there is;
/// kInvalidArgument: the table's SQL.
Result<AccessReport> ReportAccess(const project::Project& project,
                                  const std::string& name,
                                  std::optional<query::Principal> who);

}  // namespace millrace::app
