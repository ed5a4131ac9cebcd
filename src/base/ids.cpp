#include "base/ids.hpp"

#include "base/bytes.hpp"

namespace millrace {
namespace {

constexpr std::size_t kVersionDigits = 32;

}  // namespace

std::string Version::ToHex() const {
  std::string out;
  out.reserve(kVersionDigits);
  AppendHex(out);
  return out;
}

void Version::AppendHex(std::string& out) const {
  millrace::AppendHex(out, epoch, 8);
  millrace::AppendHex(out, position, 16);
  millrace::AppendHex(out, ordinal, 8);
}

Result<Version> Version::Parse(std::string_view hex) {
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  bool valid = hex.size() == kVersionDigits;
  for (const char c : hex) valid = valid && is_digit(c);
  if (!valid) {
    return Fail(ErrorCode::kInvalidArgument,
                "a version is 32 lower-case hex digits, not " + Excerpt(hex));
  }
  MR_TRY(const auto epoch_part, ParseHex(hex.substr(0, 8)));
  MR_TRY(const auto position_part, ParseHex(hex.substr(8, 16)));
  MR_TRY(const auto ordinal_part, ParseHex(hex.substr(24)));
  return Version{static_cast<std::uint32_t>(epoch_part), position_part,
                 static_cast<std::uint32_t>(ordinal_part)};
}

void AppendEventId(std::string& out, std::string_view source, const Version& version) {
  out += source;
  out += ':';
  AppendHex(out, version.epoch, 8);
  out += ':';
  AppendHex(out, version.position, 16);
}

}  // namespace millrace
