#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "query/rule.hpp"

namespace millrace::query {

struct Token {
  enum class Kind : std::uint8_t { kEnd, kWord, kNumber, kText, kSign };
  Kind kind = Kind::kEnd;
  std::size_t offset = 0;
  std::string_view raw;  ///< as it stands in the rule
};

/// The token at or behind `at`; the next begins at its offset + raw.size(). Problems: a
/// character that begins nothing (with what other languages mean by it), a text without
/// an end.
std::expected<Token, RuleProblem> NextToken(std::string_view rule, std::size_t at);

/// 'it''s' → it's
std::string ContentOf(const Token& text);

/// Whether a word is one of the language, upper and lower case alike.
bool IsWord(std::string_view word, std::string_view lower);

}  // namespace millrace::query
