#include "verify_slices.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

constexpr TimestampUs kMinute = records::kSumSliceUs;

SliceMap::Marks TwoCollections() {
  // a: 3 changes before the marks, 4..5 in minute 10, 8 in 12; b: 6, 7 in 10, 9 in 75.
  return {{"a", {{10 * kMinute, 3, 30, 3}, {12 * kMinute, 5, 50, 7}}},
          {"b", {{10 * kMinute, 0, 0, 5}, {75 * kMinute, 2, 20, 8}}}};
}

TEST(SliceMap, WithoutMarksEverythingIsOneSlice) {
  const SliceMap map({}, 0);
  ASSERT_EQ(map.size(), 1u);
  EXPECT_EQ(map.IndexOf(1), 0u);
  EXPECT_EQ(map.IndexOf(1'000'000), 0u);
}

TEST(SliceMap, APositionSaysItsSlice) {
  const SliceMap map(TwoCollections(), 0);
  EXPECT_EQ(map.width(), kMinute);
  ASSERT_EQ(map.size(), 4u);
  for (const auto& [position, slice] :
       {std::pair(1u, 0u), {3, 0}, {4, 1}, {7, 1}, {8, 2}, {9, 3}, {100, 3}}) {
    EXPECT_EQ(map.IndexOf(position), slice) << position;
  }
  EXPECT_EQ(map.slices()[0].begin, 0);
  EXPECT_EQ(map.slices()[1].begin, 10 * kMinute);
  EXPECT_EQ(map.slices()[1].end, 11 * kMinute);
  EXPECT_EQ(map.slices()[3].begin, 75 * kMinute);
}

TEST(SliceMap, IsCutBehindAPosition) {
  SliceMap map(TwoCollections(), 0);  // ..3 | 4..7 | 8 | 9..
  EXPECT_EQ(map.CutAt(0), 0u);
  EXPECT_EQ(map.CutAt(3), 1u) << "there is an edge already";
  EXPECT_EQ(map.CutAt(UINT64_MAX), 4u);
  ASSERT_EQ(map.size(), 4u);
  EXPECT_EQ(map.CutAt(5), 2u);
  ASSERT_EQ(map.size(), 5u);
  EXPECT_EQ(map.IndexOf(5), 1u);
  EXPECT_EQ(map.IndexOf(6), 2u);
  EXPECT_EQ(map.slices()[1].begin, map.slices()[2].begin);
  EXPECT_EQ(map.slices()[2].after, 5u);
  EXPECT_EQ(map.slices()[2].upto, 7u);
}

TEST(SliceMap, WiderSlicesTakeSeveralMinutes) {
  const SliceMap map(TwoCollections(), 60 * kMinute);
  ASSERT_EQ(map.size(), 3u);
  EXPECT_EQ(map.IndexOf(8), 1u);
  EXPECT_EQ(map.IndexOf(9), 2u);
  SliceMap::Marks busy;
  for (int i = 0; i < 1'000; ++i) {
    busy["a"].push_back({i * kMinute, std::uint64_t(i), 0, std::uint64_t(i)});
  }
  const SliceMap automatic(busy, 0);
  EXPECT_EQ(automatic.width(), 60 * kMinute);
  EXPECT_EQ(automatic.size(), 17u);
}

TEST(SliceMap, SumsOfASliceAreDifferencesOfMarks) {
  const auto marks = TwoCollections();
  const SliceMap map(marks, 0);
  const auto a = SumsOfMarks(map, marks.at("a"), {6, 60});
  ASSERT_EQ(a.size(), 4u);
  EXPECT_EQ(a[0], (change::Sum{3, 30}));
  EXPECT_EQ(a[1], (change::Sum{2, 20}));
  EXPECT_EQ(a[2], (change::Sum{1, 10}));
  EXPECT_EQ(a[3], (change::Sum{0, 0}));
  EXPECT_EQ(Total(a), (change::Sum{6, 60}));
  const auto b = SumsOfMarks(map, marks.at("b"), {3, 33});
  EXPECT_EQ(b[0], (change::Sum{0, 0}));
  EXPECT_EQ(b[1], (change::Sum{2, 20}));
  EXPECT_EQ(b[2], (change::Sum{0, 0}));
  EXPECT_EQ(b[3], (change::Sum{1, 13}));
}

}  // namespace
}  // namespace millrace::app
