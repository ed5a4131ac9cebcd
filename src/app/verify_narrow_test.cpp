#include "verify_narrow.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

using Ids = std::vector<std::string>;

TEST(NameDifferences, TellsWhatIsMissingDoubledAndAltered) {
  Finding finding;
  NameDifferences({{1, 10}, {2, 20}, {3, 30}, {4, 40}, {5, 50}},
                  {{5, 50}, {1, 10}, {3, 30}, {3, 30}, {4, 44}, {9, 90}}, "records", 0,
                  finding);
  EXPECT_EQ(finding.missing, Ids{"records:00000000:0000000000000002"});
  EXPECT_EQ(finding.doubled, (Ids{"records:00000000:0000000000000003",
                                  "records:00000000:0000000000000009"}));
  EXPECT_EQ(finding.altered, Ids{"records:00000000:0000000000000004"});
}

TEST(NameDifferences, NamesAtMostTen) {
  Finding finding;
  std::vector<RowItem> expected;
  for (std::uint64_t i = 1; i < 50; ++i) expected.push_back({i, i});
  NameDifferences(expected, {}, "records", 0, finding);
  EXPECT_EQ(finding.missing.size(), 10u);
  EXPECT_TRUE(finding.doubled.empty());
}

}  // namespace
}  // namespace millrace::app
