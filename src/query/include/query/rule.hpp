#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/condition.hpp"
#include "query/principal.hpp"
#include "schema/type.hpp"

namespace millrace::query {

/// What is wrong with a rule, and the byte of its text where.
struct RuleProblem {
  std::size_t offset;
  std::string message;
  friend bool operator==(const RuleProblem&, const RuleProblem&) = default;
};

inline constexpr std::size_t kMaxRuleBytes = 2000;
inline constexpr std::size_t kMaxRuleDepth = 32;  ///< of parentheses and `not`

struct RuleExpression;

/// An access rule: a condition over the fields of a record and who asks.
///
///   customer_id = auth.user_id or auth.role in ('admin', 'staff')
///   not (status = 'done' and due < '2026-01-01') and note is not null
///
/// Words: and or not in is null true false like and ilike are none of them; = <> != < <=
/// > >=, fields by name, numbers, 'texts' (a quote is written twice), and of who asks:
/// auth.authenticated, auth.user_id, auth.role, auth.tenant, auth.key_id (empty ones are
/// null) and auth.claims.NAME. As in SQL a comparison with null is null, and a rule that
/// is null refuses. A value that the field cannot hold (a user id "abc", an integer
/// field) is null as well. Immutable, copies share: any thread.
class Rule {
 public:
  /// Reads the text and checks it against the columns of a document
  /// (Collection::DocumentColumns): every unknown field and every comparison of different
  /// types is a problem, a mistake of grammar the last one.
  static std::expected<Rule, std::vector<RuleProblem>> Parse(
      std::string_view text, const schema::Columns& columns);

  const std::string& text() const { return text_; }
  /// Whether any part of `auth` is named.
  bool AsksWho() const;
  /// The texts that auth.role is compared with, once each, in their order; no empty one.
  std::vector<std::string> Roles() const;

  /// What the rule says to everyone who is signed in (with `role`, where one is given),
  /// whatever the record and the rest of the principal; nullopt: it depends.
  std::optional<bool> Decided(const std::optional<std::string>& role) const;

  /// What `principal` must find in a record: auth.* is worked out, so that an
  /// administrator may be left with Condition::Always and nobody with Never.
  Condition For(const Principal& principal) const;

 private:
  Rule(std::string text, std::shared_ptr<const RuleExpression> root)
      : text_(std::move(text)), root_(std::move(root)) {}

  std::string text_;
  std::shared_ptr<const RuleExpression> root_;
};

}  // namespace millrace::query
