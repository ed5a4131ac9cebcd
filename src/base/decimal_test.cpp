#include "base/decimal.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace millrace {
namespace {

std::string Written(Int128 unscaled, int scale) {
  std::string out;
  AppendDecimal(out, unscaled, scale);
  return out;
}

TEST(ParseDecimal, ReadsOrRefusesEachForm) {
  struct Case {
    std::string_view text;
    int precision;
    int scale;
    std::optional<std::string_view> want;  // as AppendDecimal writes it; nullopt: refused
  };
  constexpr Case kCases[] = {
      {"12.50", 10, 2, "12.50"},
      {"12.5", 10, 2, "12.50"},
      {"-12.30", 10, 2, "-12.30"},
      {"12", 10, 2, "12.00"},
      {"0", 10, 2, "0.00"},
      {"-0.00", 10, 2, "0.00"},
      {"1.230", 10, 2, "1.23"},
      {"1.234", 10, 2, {}},
      {"1e3", 10, 2, "1000.00"},
      {"1.5E-1", 10, 2, "0.15"},
      {"100e-2", 3, 0, "1"},
      {"1e-3", 10, 2, {}},
      {"99999999.99", 10, 2, "99999999.99"},
      {"100000000.00", 10, 2, {}},
      {"100000000", 10, 2, {}},
      {"0.01", 2, 2, "0.01"},
      {"1.00", 2, 2, {}},
      {"12345678901234567890123456789012345678", 38, 0,
       "12345678901234567890123456789012345678"},
      {"99999999999999999999999999999999999999", 38, 0,
       "99999999999999999999999999999999999999"},
      {"100000000000000000000000000000000000000", 38, 0, {}},
      {"0e99999999999", 10, 2, "0.00"},
      {"1e99999999999", 10, 2, {}},
      {"1e-99999999999", 10, 2, {}},
      {"1e0000000000000001", 10, 2, "10.00"},
      {"", 10, 2, {}},
      {"-", 10, 2, {}},
      {".5", 10, 2, {}},
      {"5.", 10, 2, {}},
      {"+5", 10, 2, {}},
      {"05", 10, 2, {}},
      {"00.50", 10, 2, {}},
      {"1.2.3", 10, 2, {}},
      {"1.-5", 10, 2, {}},
      {"1e", 10, 2, {}},
      {" 1", 10, 2, {}},
      {"1 ", 10, 2, {}},
      {"NaN", 10, 2, {}},
      {"0x10", 10, 2, {}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.text);
    const auto got = ParseDecimal(c.text, c.precision, c.scale);
    ASSERT_EQ(got.has_value(), c.want.has_value());
    if (got) {
      EXPECT_EQ(Written(*got, c.scale), *c.want);
    }
  }
}

TEST(AppendDecimal, WritesEveryDigitOfTheScale) {
  EXPECT_EQ(Written(1250, 2), "12.50");
  EXPECT_EQ(Written(-5, 2), "-0.05");
  EXPECT_EQ(Written(0, 0), "0");
  EXPECT_EQ(Written(0, 3), "0.000");
  EXPECT_EQ(Written(7, 38), "0.00000000000000000000000000000000000007");
  EXPECT_EQ(Written(std::numeric_limits<Int128>::min(), 0),
            "-170141183460469231731687303715884105728");
}

}  // namespace
}  // namespace millrace
