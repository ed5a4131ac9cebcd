#include "cache_embedded/memory_cache.hpp"

#include <thread>
#include <vector>

#include "cache/testing/conformance.hpp"

namespace millrace::cache {
namespace {

using namespace std::chrono_literals;

class MemoryPlace final : public testing::Place {
 public:
  explicit MemoryPlace(MemoryCacheOptions options = {})
      : cache_(MakeMemoryCache(options, [this] { return now_; })) {}
  Cache& cache() override { return *cache_; }
  void Pass(Lifetime time) override { now_ += time; }

 private:
  Lifetime now_{1s};
  std::unique_ptr<Cache> cache_;
};

std::unique_ptr<testing::Place> Make() { return std::make_unique<MemoryPlace>(); }

}  // namespace

namespace testing {
INSTANTIATE_TEST_SUITE_P(Memory, CacheConformance, ::testing::Values(&Make));
}  // namespace testing

namespace {

TEST(MemoryCache, DropsWhatWasUsedLongestAgo) {
  MemoryPlace place({.value_bytes = 4'000, .count_bytes = 1'000});
  auto& cache = place.cache();
  ASSERT_TRUE(cache.Put("a", std::string(1'000, 'a'), 1h));
  ASSERT_TRUE(cache.Put("b", std::string(1'000, 'b'), 1h));
  ASSERT_TRUE(cache.Get("a").value());
  ASSERT_TRUE(cache.Put("c", std::string(1'500, 'c'), 1h));
  EXPECT_TRUE(cache.Get("a").value());
  EXPECT_FALSE(cache.Get("b").value());
  EXPECT_TRUE(cache.Get("c").value());
}

TEST(MemoryCache, RefusesAValueLargerThanItselfAndForgetsTheOldOne) {
  MemoryPlace place({.value_bytes = 1'000, .count_bytes = 1'000});
  ASSERT_TRUE(place.cache().Put("a", "old", 1h));
  const auto refused = place.cache().Put("a", std::string(1'000, 'x'), 1h);
  EXPECT_EQ(refused.error().code(), ErrorCode::kTooLarge);
  EXPECT_FALSE(place.cache().Get("a").value());
}

TEST(MemoryCache, WhatIsGivenBackTakesNoRoom) {
  MemoryPlace place({.value_bytes = 1'000, .count_bytes = 10'000});
  const Rate rate{1, 60s};
  ASSERT_TRUE(place.cache().Take("counted", rate));
  for (int i = 0; i < 1'000; ++i) {
    const auto key = "key" + std::to_string(i);
    ASSERT_TRUE(place.cache().Take(key, rate)->allowed);
    ASSERT_TRUE(place.cache().GiveBack(key));
  }
  EXPECT_FALSE(place.cache().Take("counted", rate)->allowed);
}

TEST(MemoryCache, ManyKeysDoNotGrowBeyondTheBound) {
  MemoryPlace place({.value_bytes = 1'000, .count_bytes = 10'000});
  const Rate rate{5, 60s};
  ASSERT_TRUE(place.cache().Take("first", rate));
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(place.cache().Take("key" + std::to_string(i), rate));
  }
  // Forgotten to make room: its count begins anew.
  EXPECT_EQ(place.cache().Take("first", rate)->remaining, 4u);
}

TEST(MemoryCache, ThreadsTogetherTakeNoMoreThanTheLimit) {
  const auto cache = MakeMemoryCache();
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) allowed += cache->Take("k", {700, 1h})->allowed;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed, 700);
}

}  // namespace
}  // namespace millrace::cache
