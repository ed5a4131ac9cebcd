#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "query/condition.hpp"
#include "query/principal.hpp"
#include "query/rule.hpp"

namespace millrace::query {

/// What is done with records, as rules name it.
enum class Operation : std::uint8_t { kList, kGet, kCreate, kUpdate, kDelete, kLive };

inline constexpr std::array kOperations = {Operation::kList,   Operation::kGet,
                                           Operation::kCreate, Operation::kUpdate,
                                           Operation::kDelete, Operation::kLive};

/// "list".
std::string_view NameOf(Operation operation);

/// Who may do what with one collection. The default is closed. Value type; any thread.
struct Access {
  /// Every record belongs to one tenant: it is stored and found under `auth.tenant`
  /// alone, and who has none is refused.
  bool tenant = false;
  /// By operation; absent: nobody may.
  std::array<std::optional<Rule>, kOperations.size()> rules;

  /// The rule of an operation; that of `list` stands in for an absent one of `live`.
  const std::optional<Rule>& RuleOf(Operation operation) const;

  /// What must hold of a record for `principal` to do `operation`: of the stored one, for
  /// kCreate of the new one, for kUpdate of both.
  Condition For(Operation operation, const Principal& principal) const;
};

}  // namespace millrace::query
