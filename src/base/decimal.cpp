#include "base/decimal.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace millrace {
namespace {

constexpr int kMaxExponentDigits = 6;
constexpr std::uint64_t kTenTo18 = 1'000'000'000'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// digits × 10^exponent, digits without zeros at either end (empty: zero).
struct Parts {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
};

std::string_view TakeDigits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && IsDigit(text[count])) ++count;
  const auto digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool TakeExponent(std::string_view& text, std::int64_t& exponent) {
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  auto digits = TakeDigits(text);
  if (digits.empty()) return false;
  while (digits.starts_with('0')) digits.remove_prefix(1);
  // Whatever is longer fits no precision, unless the number is zero; then any will do.
  std::int64_t value = 0;
  for (const char c : digits.substr(0, kMaxExponentDigits))
    value = value * 10 + (c - '0');
  if (digits.size() > kMaxExponentDigits) value = 1'000'000;
  exponent = negative ? -value : value;
  return true;
}

/// The JSON grammar for numbers, nothing else.
bool Split(std::string_view text, Parts& parts) {
  parts.negative = text.starts_with('-');
  if (parts.negative) text.remove_prefix(1);
  const auto whole = TakeDigits(text);
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return false;
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
    if (fraction.empty()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    if (!TakeExponent(text, parts.exponent)) return false;
  }
  if (!text.empty()) return false;
  parts.exponent -= static_cast<std::int64_t>(fraction.size());
  parts.digits.assign(whole).append(fraction);
  while (parts.digits.ends_with('0')) {
    parts.digits.pop_back();
    ++parts.exponent;
  }
  parts.digits.erase(0, parts.digits.find_first_not_of('0'));
  return true;
}

/// Plain short forms ("12.50" for a scale of 2), which is nearly all there are.
bool ParseShort(std::string_view text, int precision, int scale, Int128& out) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto point = text.size() - static_cast<std::size_t>(scale) - 1;
  if (scale == 0 || text.size() > 17 ||
      text.size() > static_cast<std::size_t>(precision) + 1 ||
      text.size() < static_cast<std::size_t>(scale) + 2 || text[point] != '.' ||
      (text[0] == '0' && point > 1)) {
    return false;
  }
  std::int64_t value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == point) continue;
    if (!IsDigit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  out = negative ? -value : value;
  return true;
}

}  // namespace

Result<Int128> ParseDecimal(std::string_view text, int precision, int scale) {
  Int128 value = 0;
  if (ParseShort(text, precision, scale, value)) return value;
  Parts parts;
  if (!Split(text, parts)) {
    return Fail(ErrorCode::kInvalidArgument, Excerpt(text) + " is not a decimal number");
  }
  if (parts.digits.empty()) return value;
  const auto zeros = parts.exponent + scale;
  if (zeros < 0) {
    return Fail(ErrorCode::kInvalidArgument, Excerpt(text) + " has more than " +
                                                 std::to_string(scale) +
                                                 " digits after the point");
  }
  if (static_cast<std::int64_t>(parts.digits.size()) + zeros > precision) {
    return Fail(ErrorCode::kInvalidArgument, Excerpt(text) + " has more than " +
                                                 std::to_string(precision - scale) +
                                                 " digits before the point");
  }
  parts.digits.append(static_cast<std::size_t>(zeros), '0');
  for (const char c : parts.digits) value = value * 10 + (c - '0');
  return parts.negative ? -value : value;
}

void AppendDecimal(std::string& out, Int128 unscaled, int scale) {
  __extension__ using Unsigned = unsigned __int128;
  // The magnitude of the smallest value has no signed form.
  auto left =
      unscaled < 0 ? -static_cast<Unsigned>(unscaled) : static_cast<Unsigned>(unscaled);
  std::array<char, 48> buffer;
  std::size_t at = buffer.size();
  int written = 0;
  const auto write_digits = [&](auto number, auto until) {
    for (; !until(number); number /= 10, ++written) {
      if (written == scale && scale > 0) buffer[--at] = '.';
      buffer[--at] = static_cast<char>('0' + static_cast<int>(number % 10));
    }
  };
  // Dividing 128 bits is slow, and nearly all decimals are short.
  if (left >> 64u != 0) {
    const auto low = static_cast<std::uint64_t>(left % kTenTo18);
    left /= kTenTo18;
    write_digits(low, [&](std::uint64_t) { return written == 18; });
  }
  const auto at_end = [&](auto number) { return number == 0 && written > scale; };
  if (left >> 64u != 0) {
    write_digits(left, at_end);
  } else {
    write_digits(static_cast<std::uint64_t>(left), at_end);
  }
  if (unscaled < 0) buffer[--at] = '-';
  out.append(buffer.data() + at, buffer.size() - at);
}

}  // namespace millrace
