#include "base/json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

namespace millrace {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Written(double value) {
  std::string out;
  AppendDouble(out, value);
  return out;
}

TEST(AppendJsonString, EscapesOnlyWhatMust) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"say \"hi\"", R"("say \"hi\"")"},
      {"a\\b", R"("a\\b")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"\x01\x1f\0"sv, R"("\u0001\u001f\u0000")"},
      {"\x7f", "\"\x7f\""},
      {"/ü€😀", "\"/ü€😀\""}};
  for (const auto& [text, want] : cases) EXPECT_EQ(Quoted(text), want);
}

TEST(AppendJsonString, FindsTheEscapeAtEveryPlace) {
  for (std::size_t length = 1; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = '"';
      auto want = text;
      want.insert(at, 1, '\\');
      EXPECT_EQ(Quoted(text), "\"" + want + "\"");
    }
  }
}

TEST(AppendJsonKey, EndsWithAColon) {
  std::string out = "{";
  AppendJsonKey(out, "a");
  EXPECT_EQ(out, R"({"a":)");
}

TEST(AppendInt, WritesTheLimits) {
  std::string out;
  AppendInt(out, std::numeric_limits<std::int64_t>::min());
  out += ' ';
  AppendUint(out, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(out, "-9223372036854775808 18446744073709551615");
}

TEST(AppendDouble, WritesTheShortestText) {
  const std::pair<double, std::string_view> cases[] = {
      {5, "5"},
      {-0.0, "-0"},
      {0, "0"},
      {0.1, "0.1"},
      {100000, "100000"},
      {1e15, "1000000000000000"},
      {9007199254740993.0, "9007199254740992"},
      {1e16, "1e+16"},
      {1e20, "1e+20"},
      {0.0001, "0.0001"},
      {0.00001, "1e-05"},
      {-2.5, "-2.5"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {std::nan(""), "null"},
      {std::numeric_limits<double>::infinity(), "null"}};
  for (const auto& [value, want] : cases) EXPECT_EQ(Written(value), want);
}

TEST(AppendDouble, ReadsBackToTheSameBits) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(std::strtod(Written(value).c_str(), nullptr), value);
  }
}

}  // namespace
}  // namespace millrace
