#include "recent_ids.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

namespace millrace::capture {
namespace {

TEST(RecentIds, KnowsWhereAnIdStands) {
  RecentIds ids(100, 10);
  ids.Add(RecentIds::Of("a"), 7, 0);
  ids.Add(RecentIds::Of("b"), 8, 0);
  EXPECT_EQ(ids.Find(RecentIds::Of("a")), 7U);
  EXPECT_EQ(ids.Find(RecentIds::Of("b")), 8U);
  EXPECT_EQ(ids.Find(RecentIds::Of("c")), std::nullopt);
}

TEST(RecentIds, ForgetsWhatIsOlderThanTheWindow) {
  RecentIds ids(100, 10);
  ids.Add(RecentIds::Of("a"), 0, 1000);
  ids.Add(RecentIds::Of("b"), 1, 1001);
  ids.Expire(1100);
  EXPECT_EQ(ids.size(), 2U);
  ids.Expire(1101);
  EXPECT_EQ(ids.Find(RecentIds::Of("a")), std::nullopt);
  EXPECT_EQ(ids.Find(RecentIds::Of("b")), 1U);
}

TEST(RecentIds, KeepsTheNewestOfTooMany) {
  RecentIds ids(100, 2);
  ids.Add(RecentIds::Of("a"), 0, 0);
  ids.Add(RecentIds::Of("b"), 1, 0);
  ids.Add(RecentIds::Of("c"), 2, 0);
  EXPECT_EQ(ids.size(), 2U);
  EXPECT_EQ(ids.Find(RecentIds::Of("a")), std::nullopt);
  EXPECT_EQ(ids.Find(RecentIds::Of("c")), 2U);
}

TEST(RecentIds, TakesBackTheLast) {
  RecentIds ids(100, 10);
  ids.Add(RecentIds::Of("a"), 0, 0);
  ids.Add(RecentIds::Of("b"), 1, 0);
  ids.Add(RecentIds::Of("c"), 2, 0);
  ids.TakeBack(2);
  EXPECT_EQ(ids.Find(RecentIds::Of("a")), 0U);
  EXPECT_EQ(ids.Find(RecentIds::Of("b")), std::nullopt);
  EXPECT_EQ(ids.Find(RecentIds::Of("c")), std::nullopt);
}

/// What it should hold: the plain way.
struct Plain {
  std::map<std::uint64_t, Offset> known;
  std::deque<std::uint64_t> order;

  void Add(std::uint64_t id, Offset offset, std::size_t most) {
    known[id] = offset;
    order.push_back(id);
    if (order.size() <= most) return;
    known.erase(order.front());
    order.pop_front();
  }
  void TakeBack() {
    known.erase(order.back());
    order.pop_back();
  }
};

TEST(RecentIds, HoldsWhatAMapWouldAmongCollisions) {
  constexpr std::size_t kMost = 3000;
  RecentIds ids(100, kMost);
  Plain plain;
  std::mt19937_64 random(7);
  for (Offset offset = 0; offset < 100'000; ++offset) {
    if (random() % 16 == 0 && !plain.order.empty()) {
      ids.TakeBack(1);
      plain.TakeBack();
    }
    // Few places to begin at, so that most of them have to go past others.
    const std::uint64_t number = random() % 8000;
    const RecentIds::Id id{number, number % 97 * 11};
    const auto known = plain.known.find(number);
    ASSERT_EQ(ids.Find(id), known == plain.known.end()
                                ? std::nullopt
                                : std::optional<Offset>(known->second));
    if (known != plain.known.end()) continue;
    ids.Add(id, offset, 0);
    plain.Add(number, offset, kMost);
  }
  EXPECT_EQ(ids.size(), plain.order.size());
}

}  // namespace
}  // namespace millrace::capture
