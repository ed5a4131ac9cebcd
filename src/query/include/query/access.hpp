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

/// What is done with records, events and rows, as rules name it.
enum class Operation : std::uint8_t {
  kList,
  kGet,
  kCreate,
  kUpdate,
  kDelete,
  kLive,
  kAppend,
  kRead
};
inline constexpr std::size_t kOperationCount = 8;

/// Those of a collection's records, a stream's events and a table's rows.
inline constexpr std::array kOperations = {Operation::kList,   Operation::kGet,
                                           Operation::kCreate, Operation::kUpdate,
                                           Operation::kDelete, Operation::kLive};
inline constexpr std::array kStreamOperations = {Operation::kAppend, Operation::kRead};
inline constexpr std::array kTableOperations = {Operation::kList};

/// "list".
std::string_view NameOf(Operation operation);

/// Who may do what with one collection, stream or table. The default is closed. Value
/// type; any thread.
struct Access {
  /// Every record or event belongs to one tenant: it is stored and found under
  /// `auth.tenant` alone, and who has none is refused.
  bool tenant = false;
  /// By operation; absent: nobody may.
  std::array<std::optional<Rule>, kOperationCount> rules;

  /// The rule of an operation; that of `list` stands in for an absent one of `live`.
  const std::optional<Rule>& RuleOf(Operation operation) const;

  /// What must hold of a record for `principal` to do `operation`: of the stored one, for
  /// kCreate and kAppend of the new one, for kUpdate of both.
  Condition For(Operation operation, const Principal& principal) const;
};

}  // namespace millrace::query
