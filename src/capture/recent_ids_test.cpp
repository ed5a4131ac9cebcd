#include "recent_ids.hpp"

#include <gtest/gtest.h>

namespace millrace::capture {
namespace {

TEST(RecentIds, KnowsWhereAnIdStands) {
  RecentIds ids(100, 10);
  ids.Add("a", 7, 0);
  ids.Add("b", 8, 0);
  EXPECT_EQ(ids.Find("a"), 7U);
  EXPECT_EQ(ids.Find("b"), 8U);
  EXPECT_EQ(ids.Find("c"), std::nullopt);
}

TEST(RecentIds, ForgetsWhatIsOlderThanTheWindow) {
  RecentIds ids(100, 10);
  ids.Add("a", 0, 1000);
  ids.Add("b", 1, 1001);
  ids.Expire(1100);
  EXPECT_EQ(ids.size(), 2U);
  ids.Expire(1101);
  EXPECT_EQ(ids.Find("a"), std::nullopt);
  EXPECT_EQ(ids.Find("b"), 1U);
}

TEST(RecentIds, KeepsTheNewestOfTooMany) {
  RecentIds ids(100, 2);
  ids.Add("a", 0, 0);
  ids.Add("b", 1, 0);
  ids.Add("c", 2, 0);
  EXPECT_EQ(ids.size(), 2U);
  EXPECT_EQ(ids.Find("a"), std::nullopt);
  EXPECT_EQ(ids.Find("c"), 2U);
}

TEST(RecentIds, TakesBackTheLast) {
  RecentIds ids(100, 10);
  ids.Add("a", 0, 0);
  ids.Add("b", 1, 0);
  ids.Add("c", 2, 0);
  ids.TakeBack(2);
  EXPECT_EQ(ids.Find("a"), 0U);
  EXPECT_EQ(ids.Find("b"), std::nullopt);
  EXPECT_EQ(ids.Find("c"), std::nullopt);
}

}  // namespace
}  // namespace millrace::capture
