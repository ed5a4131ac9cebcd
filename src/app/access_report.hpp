#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "project/project.hpp"
#include "query/principal.hpp"

namespace millrace::app {

/// "user=ada,role=admin,tenant=acme,key=k1,claims.plan=pro" or "nobody". Claims that look
/// like true, false or a number are one. kInvalidArgument names what can stand there.
Result<query::Principal> ReadPrincipal(std::string_view text);

/// What the access rules of one collection open to whom: for `who`, or in general.
struct AccessReport {
  const project::Project& project;
  const std::string& collection;  ///< one of the project's
  const std::optional<query::Principal>& who;

  /// A paragraph an operation, in plain words.
  std::string ToText() const;
  /// {"collection","access","tenant","operations":[{"operation","rule",…}]}: for `who`
  /// with "condition", else with "nobody", "signed_in" and "roles"; conditions are
  /// written as rules are, "true" is every record.
  std::string ToJson() const;
};

}  // namespace millrace::app
