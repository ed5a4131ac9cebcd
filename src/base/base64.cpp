#include <array>

#include "base/bytes.hpp"

namespace millrace {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0xff;

using Digits = std::array<std::uint8_t, 256>;

constexpr Digits MakeDigits(std::string_view alphabet) {
  Digits digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}

constexpr Digits kStandardDigits = MakeDigits(kStandard);
constexpr Digits kUrlSafeDigits = MakeDigits(kUrlSafe);

std::uint32_t Byte(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

void Encode(std::string& out, std::string_view bytes, std::string_view alphabet,
            bool pad) {
  const auto digit = [&](std::uint32_t bits) { out += alphabet[bits & 63u]; };
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const auto bits =
        (Byte(bytes, i) << 16u) | (Byte(bytes, i + 1) << 8u) | Byte(bytes, i + 2);
    digit(bits >> 18u);
    digit(bits >> 12u);
    digit(bits >> 6u);
    digit(bits);
  }
  const auto left = bytes.size() - i;
  if (left == 0) return;
  const auto bits = (Byte(bytes, i) << 16u) | (left == 2 ? Byte(bytes, i + 1) << 8u : 0u);
  digit(bits >> 18u);
  digit(bits >> 12u);
  if (left == 2) digit(bits >> 6u);
  if (pad) out.append(left == 2 ? "=" : "==");
}

/// Text without padding. Bits that no byte uses must be zero: each value has one text.
Result<std::string> Decode(std::string_view text, const Digits& digits) {
  const auto refuse = [] { return Fail(ErrorCode::kInvalidArgument, "not base64"); };
  if (text.size() % 4 == 1) return refuse();
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned have = 0;
  for (const char c : text) {
    const auto digit = digits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit) return refuse();
    bits = (bits << 6u) | digit;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>((bits >> have) & 0xffu);
  }
  if ((bits & ((1u << have) - 1u)) != 0) return refuse();
  return out;
}

}  // namespace

void AppendBase64(std::string& out, std::string_view bytes) {
  Encode(out, bytes, kStandard, true);
}

Result<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return Fail(ErrorCode::kInvalidArgument, "not base64");
  if (text.ends_with("==")) {
    text.remove_suffix(2);
  } else if (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  return Decode(text, kStandardDigits);
}

std::string EncodeBase64Url(std::string_view bytes) {
  std::string out;
  Encode(out, bytes, kUrlSafe, false);
  return out;
}

Result<std::string> DecodeBase64Url(std::string_view text) {
  return Decode(text, kUrlSafeDigits);
}

}  // namespace millrace
