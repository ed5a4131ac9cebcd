#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cache/cache.hpp"

namespace millrace::cache::testing {

using namespace std::chrono_literals;

/// A cache under test and its time.
class Place {
 public:
  virtual ~Place() = default;
  virtual Cache& cache() = 0;
  virtual void Pass(Lifetime time) = 0;
};

/// Every adapter passes these: instantiate with makers of Places.
class CacheConformance : public ::testing::TestWithParam<std::unique_ptr<Place> (*)()> {
 protected:
  Cache& cache() { return place_->cache(); }
  Allowance Take(const std::string& key, const Rate& rate) {
    const auto allowance = cache().Take(key, rate);
    EXPECT_TRUE(allowance) << allowance.error().message();
    return allowance.value_or(Allowance{});
  }
  std::unique_ptr<Place> place_ = GetParam()();
};

TEST_P(CacheConformance, GivesBackWhatWasPutUntilItsTimeIsOver) {
  EXPECT_EQ(cache().Get("a").value(), std::nullopt);
  const std::string value("\0\xff any bytes", 12);
  ASSERT_TRUE(cache().Put("a", value, 5s));
  place_->Pass(4'999ms);
  EXPECT_EQ(cache().Get("a").value(), value);
  place_->Pass(1ms);
  EXPECT_EQ(cache().Get("a").value(), std::nullopt);
}

TEST_P(CacheConformance, APutReplacesValueAndTimeAndARemoveEndsBoth) {
  ASSERT_TRUE(cache().Put("a", "1", 1s));
  ASSERT_TRUE(cache().Put("a", "2", 10s));
  place_->Pass(5s);
  EXPECT_EQ(cache().Get("a").value(), "2");
  ASSERT_TRUE(cache().Remove("a"));
  ASSERT_TRUE(cache().Remove("a"));
  EXPECT_EQ(cache().Get("a").value(), std::nullopt);
}

TEST_P(CacheConformance, KeysAreNeverMixed) {
  ASSERT_TRUE(cache().Put("a:b", "1", 1s));
  ASSERT_TRUE(cache().Put(std::string("a\0b", 3), "2", 1s));
  ASSERT_TRUE(cache().Put("", "3", 1s));
  EXPECT_EQ(cache().Get("a:b").value(), "1");
  EXPECT_EQ(cache().Get(std::string("a\0b", 3)).value(), "2");
  EXPECT_EQ(cache().Get("").value(), "3");
  EXPECT_EQ(cache().Get("a").value(), std::nullopt);
}

TEST_P(CacheConformance, EachTakenOneIsForgottenByItself) {
  const Rate rate{3, 60s};
  EXPECT_EQ(Take("ip", rate).remaining, 2u);
  place_->Pass(20s);
  EXPECT_EQ(Take("ip", rate).remaining, 1u);
  place_->Pass(20s);
  const auto last = Take("ip", rate);
  EXPECT_TRUE(last.allowed);
  EXPECT_EQ(last.remaining, 0u);
  EXPECT_EQ(last.reset, 20s);
  const auto refused = Take("ip", rate);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 20s);
  EXPECT_TRUE(Take("another", rate).allowed);
  place_->Pass(20s);  // the first is forgotten, what was refused never counted
  EXPECT_TRUE(Take("ip", rate).allowed);
  EXPECT_FALSE(Take("ip", rate).allowed);
}

TEST_P(CacheConformance, ABlockedKeyBeginsAnewAfterItsBlock) {
  const Rate rate{10, 60s, 60s};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Take("ip", rate).allowed);
  place_->Pass(59s);
  EXPECT_EQ(Take("ip", rate).retry_after, 60s);
  place_->Pass(30s);  // the hits are older than the window; the block still holds
  const auto blocked = Take("ip", rate);
  EXPECT_FALSE(blocked.allowed);
  EXPECT_EQ(blocked.retry_after, 30s);
  place_->Pass(30s);
  EXPECT_EQ(Take("ip", rate).remaining, 9u);
}

TEST_P(CacheConformance, WhatIsGivenBackWasNotTaken) {
  const Rate rate{2, 60s};
  ASSERT_TRUE(cache().GiveBack("ip"));
  EXPECT_EQ(Take("ip", rate).remaining, 1u);
  place_->Pass(30s);
  EXPECT_EQ(Take("ip", rate).remaining, 0u);
  ASSERT_TRUE(cache().GiveBack("ip"));
  EXPECT_TRUE(Take("ip", rate).allowed);
  EXPECT_EQ(Take("ip", rate).retry_after, 30s) << "the older one is still counted";
  EXPECT_EQ(Take("another", rate).remaining, 1u);
}

TEST_P(CacheConformance, CountsAndValuesAreApart) {
  ASSERT_TRUE(cache().Put("a", "1", 1s));
  EXPECT_EQ(Take("a", {2, 1s}).remaining, 1u);
  ASSERT_TRUE(cache().Remove("a"));
  EXPECT_EQ(Take("a", {2, 1s}).remaining, 0u);
}

TEST_P(CacheConformance, RefusesRatesOutOfBounds) {
  for (const Rate& rate :
       {Rate{0, 1s}, Rate{1'000'001, 1s}, Rate{1, 0s}, Rate{1, -1s}, Rate{1, 1s, -1s}}) {
    EXPECT_EQ(cache().Take("a", rate).error().code(), ErrorCode::kInvalidArgument);
  }
}

}  // namespace millrace::cache::testing
