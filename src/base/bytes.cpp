#include "base/bytes.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <vector>

namespace millrace {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kNearMissDistance = 2;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kByteUnits[] = {{"", 1},
                               {"B", 1},
                               {"KiB", 1ull << 10u},
                               {"MiB", 1ull << 20u},
                               {"GiB", 1ull << 30u},
                               {"TiB", 1ull << 40u}};
constexpr Unit kTimeUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

/// A whole number and one of the units, optionally with spaces between.
template <std::size_t n>
Result<std::uint64_t> ParseWithUnit(std::string_view text, const Unit (&units)[n],
                                    std::string_view help) {
  const auto refuse = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument,
                Excerpt(text) + " " + std::string(why) + std::string(help));
  };
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec == std::errc::result_out_of_range) return refuse("is too large: ");
  if (parsed.ec != std::errc()) return refuse("is not a whole number with a unit: ");
  std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& known : units) {
    if (known.name != unit) continue;
    constexpr auto kMax =
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (number > kMax / known.factor) return refuse("is too large: ");
    return number * known.factor;
  }
  return refuse("needs a unit: ");
}

/// Bytes of the UTF-8 character at the front; 0 if there is none.
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xc2   ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return 0;
  }
  const bool overlong =
      (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool beyond = first == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Levenshtein, case ignored.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (Lower(a[i - 1]) == Lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::uint64_t Hash64(std::string_view data, std::uint64_t seed) {
  return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

void AppendHex(std::string& out, std::uint64_t value, int digits) {
  std::array<char, 16> text;
  const auto size = static_cast<std::size_t>(digits);
  for (auto at = size; at-- > 0; value >>= 4u) text[at] = kHexDigits[value & 0xfu];
  out.append(text.data(), size);
}

Result<std::uint64_t> ParseHex(std::string_view hex) {
  std::uint64_t value = 0;
  const char* const end = hex.data() + hex.size();
  const auto parsed = std::from_chars(hex.data(), end, value, 16);
  // from_chars takes a minus sign only for signed types, so what is left is digits.
  if (hex.empty() || parsed.ec != std::errc() || parsed.ptr != end) {
    return Fail(ErrorCode::kInvalidArgument,
                Excerpt(hex) + " is not a hex number of 64 bits");
  }
  return value;
}

Result<std::uint64_t> ParseByteSize(std::string_view text) {
  return ParseWithUnit(text, kByteUnits,
                       "write a size as 512 (bytes), 64KiB, 8MiB, 1GiB or 1TiB");
}

Result<std::int64_t> ParseDurationMs(std::string_view text) {
  MR_TRY(const auto ms,
         ParseWithUnit(text, kTimeUnits, "write a duration as 50ms, 60s, 5m, 24h or 7d"));
  return static_cast<std::int64_t>(ms);
}

std::string_view NearMiss(std::string_view word, const std::string_view* candidates,
                          std::size_t count) {
  std::string_view best;
  std::size_t best_distance = kNearMissDistance + 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto candidate = candidates[i];
    const auto longer = std::max(word.size(), candidate.size());
    const auto shorter = std::min(word.size(), candidate.size());
    // A quadratic distance for hostile long names would be a gift to them.
    if (longer > 128 || longer - shorter > kNearMissDistance) continue;
    const auto distance = EditDistance(word, candidate);
    // Of two letters, one changed is a miss, two changed is another word.
    if (distance * 2 > longer || distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string Excerpt(std::string_view text, std::size_t limit) {
  std::string out = "'";
  while (!text.empty()) {
    const auto length = CharacterLength(text);
    const auto taken = std::max<std::size_t>(length, 1);
    if (out.size() - 1 + taken > limit) {
      out += "…";
      break;
    }
    out += length == 0 ? std::string_view("?") : text.substr(0, length);
    text.remove_prefix(taken);
  }
  out += '\'';
  return out;
}

}  // namespace millrace
