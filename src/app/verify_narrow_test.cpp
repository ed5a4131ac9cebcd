#include "verify_narrow.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

using Ids = std::vector<std::string>;

std::string Name(std::uint64_t position) { return "row " + std::to_string(position); }

TEST(NameDifferences, TellsWhatIsMissingDoubledAndAltered) {
  Finding finding;
  NameDifferences({{1, 10}, {2, 20}, {3, 30}, {4, 40}, {5, 50}},
                  {{5, 50}, {1, 10}, {3, 30}, {3, 30}, {4, 44}, {9, 90}}, Name, finding);
  EXPECT_EQ(finding.missing, Ids{"row 2"});
  EXPECT_EQ(finding.doubled, (Ids{"row 3", "row 9"}));
  EXPECT_EQ(finding.altered, Ids{"row 4"});
}

TEST(NameDifferences, NamesAtMostTen) {
  Finding finding;
  std::vector<RowItem> expected;
  for (std::uint64_t i = 1; i < 50; ++i) expected.push_back({i, i});
  NameDifferences(expected, {}, Name, finding);
  EXPECT_EQ(finding.missing.size(), 10u);
  EXPECT_TRUE(finding.doubled.empty());
}

}  // namespace
}  // namespace millrace::app
