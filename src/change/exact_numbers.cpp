#include "exact_numbers.hpp"

#include <algorithm>

namespace millrace::change {
namespace {

constexpr std::string_view kMark = R"("\u0000)";
/// Decimal digits that every 64-bit integer, and every double, gives back.
constexpr std::size_t kIntegerDigits = 18, kDoubleDigits = 15;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// A JSON number that is not surely exact; false for what is no number.
bool MayRound(std::string_view token) {
  std::size_t at = token.starts_with('-') ? 1 : 0;
  const auto next_is = [&](std::string_view any) {
    return at < token.size() && any.find(token[at]) != std::string_view::npos;
  };
  const auto digits = [&] {
    const auto begin = at;
    while (at < token.size() && IsDigit(token[at])) ++at;
    return at - begin;
  };
  const bool zero = next_is("0");
  auto count = digits();
  if (count == 0 || (zero && count > 1)) return false;
  auto exact = kIntegerDigits;
  if (next_is(".")) {
    ++at;
    const auto fraction = digits();
    if (fraction == 0) return false;
    count += fraction;
    exact = kDoubleDigits;
  }
  if (next_is("eE")) {
    ++at;
    if (next_is("+-")) ++at;
    return digits() > 0 && at == token.size();
  }
  return at == token.size() && count > exact;
}

/// Behind the text that begins at `at`, quotes included.
std::size_t EndOfText(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
}

}  // namespace

std::string MarkNumbers(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (c == '"') {
      const auto end = EndOfText(json, at);
      out += json.substr(at, end - at);
      at = end;
    } else if (c == '-' || IsDigit(c)) {
      const auto end =
          std::min(json.find_first_not_of("0123456789+-.eE", at), json.size());
      const auto token = json.substr(at, end - at);
      const bool marked = MayRound(token);
      if (marked) out += kMark;
      out += token;
      if (marked) out += '"';
      at = end;
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

std::string RestoreNumbers(std::string_view json) {
  if (!json.contains(kMark)) return std::string(json);
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] != '"') {
      out += json[at++];
      continue;
    }
    const auto end = EndOfText(json, at);
    auto text = json.substr(at, end - at);
    if (text.starts_with(kMark))
      text = text.substr(kMark.size(), text.size() - kMark.size() - 1);
    out += text;
    at = end;
  }
  return out;
}

}  // namespace millrace::change
