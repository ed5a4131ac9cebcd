#include "rule_lexer.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace millrace::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

constexpr std::string_view kSigns[] = {"<>", "!=", "<=", ">=", "=", "<",
                                       ">",  "(",  ")",  ",",  "."};

/// What people write who come from elsewhere.
constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
    {"==", "equality is written ="},
    {"&&", "write and"},
    {"||", "write or"},
    {"!", "write not"},
    {"\"", "a text stands in single quotes: 'text'"},
    {"@", "who asks is auth: auth.user_id, auth.role"},
    {"$", "who asks is auth: auth.user_id, auth.role"},
    {"*", "there is no arithmetic here"},
    {"/", "there is no arithmetic here"},
    {"+", "there is no arithmetic here"},
    {"-", "there is no arithmetic here"},
};

std::size_t NumberLength(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    while (at < text.size() && IsDigit(text[at])) ++at;
  };
  digits();
  if (at + 1 < text.size() && text[at] == '.' && IsDigit(text[at + 1])) {
    ++at;
    digits();
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    auto exponent = at + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-'))
      ++exponent;
    if (exponent < text.size() && IsDigit(text[exponent])) {
      at = exponent;
      digits();
    }
  }
  return at;
}

/// With both quotes; 0 where the second is missing.
std::size_t TextLength(std::string_view text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] != '\'') continue;
    if (at + 1 == text.size() || text[at + 1] != '\'') return at + 1;
    ++at;
  }
  return 0;
}

RuleProblem Strange(std::string_view rest, std::size_t offset) {
  for (const auto& [sign, help] : kElsewhere) {
    if (rest.starts_with(sign)) return {offset, Excerpt(sign) + ": " + std::string(help)};
  }
  // A whole character, not its first byte.
  std::size_t length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) >> 6U) == 2)
    ++length;
  return {offset, Excerpt(rest.substr(0, length)) + " begins nothing that a rule knows"};
}

}  // namespace

std::expected<Token, RuleProblem> NextToken(std::string_view rule, std::size_t at) {
  at = std::min(rule.find_first_not_of(" \t\r\n", at), rule.size());
  const auto rest = rule.substr(at);
  const auto token = [&](Token::Kind kind, std::size_t length) {
    return Token{kind, at, rest.substr(0, length)};
  };
  if (rest.empty()) return token(Token::Kind::kEnd, 0);
  if (IsLetter(rest[0])) {
    const auto* const end =
        std::ranges::find_if_not(rest, [](char c) { return IsLetter(c) || IsDigit(c); });
    return token(Token::Kind::kWord, static_cast<std::size_t>(end - rest.begin()));
  }
  const bool minus = rest[0] == '-' && rest.size() > 1 && IsDigit(rest[1]);
  if (minus || IsDigit(rest[0])) return token(Token::Kind::kNumber, NumberLength(rest));
  if (rest[0] == '\'') {
    const auto length = TextLength(rest);
    if (length > 0) return token(Token::Kind::kText, length);
    return std::unexpected(RuleProblem{at, "the text that begins here has no end: '"});
  }
  if (!rest.starts_with("==")) {
    for (const auto sign : kSigns) {
      if (rest.starts_with(sign)) return token(Token::Kind::kSign, sign.size());
    }
  }
  return std::unexpected(Strange(rest, at));
}

std::string ContentOf(const Token& text) {
  std::string out;
  const auto inside = text.raw.substr(1, text.raw.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    out += inside[i];
    if (inside[i] == '\'') ++i;
  }
  return out;
}

bool IsWord(std::string_view word, std::string_view lower) {
  return std::ranges::equal(word, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace millrace::query
