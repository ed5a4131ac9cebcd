#include "base/time.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace millrace {
namespace {

TEST(ParseTimestamp, ReadsOrRefusesEachForm) {
  const std::pair<std::string_view, std::optional<std::string_view>> cases[] = {
      {"2013-01-01T05:00:00Z", "2013-01-01T05:00:00Z"},
      {"2013-01-01 05:00:00Z", "2013-01-01T05:00:00Z"},
      {"2013-01-01T05:00:00+02:00", "2013-01-01T03:00:00Z"},
      {"2013-01-01T05:00:00-05:30", "2013-01-01T10:30:00Z"},
      {"2013-01-01T05:00:00.5Z", "2013-01-01T05:00:00.500000Z"},
      {"2013-01-01T05:00:00.000001Z", "2013-01-01T05:00:00.000001Z"},
      {"2013-01-01T05:00:00.000000Z", "2013-01-01T05:00:00Z"},
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
      {"2013-01-01T05:00:00.1234567Z", {}},
      {"2013-01-01T05:00:00.Z", {}},
      {"2013-01-01T05:00:00", {}},
      {"2013-01-01T05:00Z", {}},
      {"2013-01-01", {}},
      {"2013-01-01T05:00:60Z", {}},
      {"2013-01-01T24:00:00Z", {}},
      {"2013-01-01T05:60:00Z", {}},
      {"2013-02-29T00:00:00Z", {}},
      {"2013-13-01T00:00:00Z", {}},
      {"2013-00-01T00:00:00Z", {}},
      {"0000-01-01T00:00:00Z", {}},
      {"0001-01-01T00:00:00+00:01", {}},
      {"9999-12-31T23:59:59-00:01", {}},
      {"12013-01-01T00:00:00Z", {}},
      {"-013-01-01T00:00:00Z", {}},
      {"2013-01-01T05:00:00+24:00", {}},
      {"2013-01-01T05:00:00+2:00", {}},
      {"2013-01-01T05:00:00Zjunk", {}},
      {"2013-01-01t05:00:00z", {}},
      {"2013-01-01  05:00:00Z", {}},
      {"", {}},
      {"now", {}}};
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    const auto got = ParseTimestamp(text);
    ASSERT_EQ(got.has_value(), want.has_value());
    if (!got) continue;
    std::string out;
    AppendTimestamp(out, *got);
    EXPECT_EQ(out, *want);
  }
}

TEST(ParseTimestamp, CountsMicrosecondsFrom1970) {
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:01Z").value(), 1'000'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:00+00:01").value(), -60'000'000);
}

TEST(ParseDate, ReadsOrRefusesEachForm) {
  const std::pair<std::string_view, std::optional<std::int32_t>> cases[] = {
      {"1970-01-01", 0},       {"1969-12-31", -1},
      {"2013-01-31", 15736},   {"0001-01-01", -719162},
      {"9999-12-31", 2932896}, {"2000-02-29", 11016},
      {"1900-02-29", {}},      {"2013-04-31", {}},
      {"2013-1-01", {}},       {"2013-01-01T", {}},
      {"0000-12-31", {}},      {"2013/01/01", {}},
      {"20130101", {}},        {"", {}}};
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    const auto got = ParseDate(text);
    ASSERT_EQ(got.has_value(), want.has_value());
    if (!got) continue;
    EXPECT_EQ(*got, *want);
    std::string out;
    AppendDate(out, *got);
    EXPECT_EQ(out, text);
  }
}

TEST(Deadline, ExpiresOrNever) {
  EXPECT_FALSE(Deadline::Never().expired());
  EXPECT_TRUE(Deadline::After(std::chrono::milliseconds(-1)).expired());
  EXPECT_FALSE(Deadline::After(std::chrono::hours(1)).expired());
}

}  // namespace
}  // namespace millrace
