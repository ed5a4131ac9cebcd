#include "base/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace millrace {
namespace {

/// High bit of each byte that is below 0x20, `"` or `\`. May also mark the byte above a
/// marked one, so it only says whether to look closer.
std::uint64_t MightNeedEscape(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  const auto zero_bytes = [](std::uint64_t x) { return (x - kOnes) & ~x & kHigh; };
  const auto control = (word - kOnes * 0x20) & ~word & kHigh;
  return control | zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\'));
}

bool NeedsEscape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// Bytes at the front that stand as they are.
std::size_t PlainPrefix(std::string_view text) {
  std::size_t i = 0;
  while (i + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof word);
    if (MightNeedEscape(word) != 0) break;
    i += 8;
  }
  if (i + 8 > text.size() && text.size() >= 8) {  // what is left, with some of before
    std::uint64_t word;
    std::memcpy(&word, text.data() + text.size() - 8, sizeof word);
    if (MightNeedEscape(word) == 0) return text.size();
  }
  while (i < text.size() && !NeedsEscape(text[i])) ++i;
  return i;
}

void AppendEscaped(std::string& out, char c) {
  constexpr char kHexDigits[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHexDigits[code >> 4u];
  out += kHexDigits[code & 0xfu];
}

template <typename T>
void AppendNumber(std::string& out, T value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  while (true) {
    const auto plain = PlainPrefix(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    AppendEscaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

void AppendJsonKey(std::string& out, std::string_view key) {
  AppendJsonString(out, key);
  out += ':';
}

void AppendInt(std::string& out, std::int64_t value) { AppendNumber(out, value); }
void AppendUint(std::string& out, std::uint64_t value) { AppendNumber(out, value); }

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  // to_chars left alone writes 100000 as 1e+05: as short, but nobody expects it. So the
  // exponent comes where Python and most JSON writers begin to use it.
  const double size = std::fabs(value);
  const bool fixed = value == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 40> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  out.append(digits.data(), end);
}

}  // namespace millrace
