#include "login_limits.hpp"

#include <gtest/gtest.h>

#include "cache_embedded/memory_cache.hpp"

namespace millrace::gateway {
namespace {

using namespace std::chrono_literals;

class LoginLimitsTest : public testing::Test {
 protected:
  bool Try(const std::string& account, const std::string& client) {
    return !limits_.Try(account, client);
  }

  cache::Lifetime now_{1s};
  std::unique_ptr<cache::Cache> cache_ =
      cache::MakeMemoryCache({}, [this] { return now_; });
  LoginLimits limits_{*cache_, {3, 5, 2, 60s}};
};

TEST_F(LoginLimitsTest, AnAccountIsTriedSoOftenByAnAddress) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Try("ada", "a"));
  EXPECT_FALSE(Try("ada", "a"));
  EXPECT_TRUE(Try("ada", "b")) << "nobody else is locked out";
  EXPECT_TRUE(Try("bob", "a"));
  now_ += 30s;
  EXPECT_EQ(limits_.Try("ada", "a"), 30s);
  now_ += 30s;
  EXPECT_TRUE(Try("ada", "a"));
}

TEST_F(LoginLimitsTest, AnAddressTriesSoManyAccounts) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Try(std::to_string(i), "a"));
  EXPECT_FALSE(Try("another", "a"));
  EXPECT_TRUE(Try("another", "b"));
}

TEST_F(LoginLimitsTest, WhatIsGivenBackIsNotCounted) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Try("ada", "a"));
    limits_.GiveBack("ada", "a");
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Try("ada", "a"));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(Try("ada", "a"));
  EXPECT_TRUE(Try("bob", "a"));
  EXPECT_TRUE(Try("eve", "a")) << "refused tries of one account count against no other";
}

TEST_F(LoginLimitsTest, ATryOfNoAccountCountsForItsAddress) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Try("", "a"));
    limits_.GiveBack("", "a");
  }
  EXPECT_FALSE(Try("", "a"));
  EXPECT_FALSE(Try("ada", "a"));
  EXPECT_TRUE(Try("ada", "b"));
}

TEST_F(LoginLimitsTest, NoFloodOfOneAddressMakesTheOthersForgotten) {
  const auto cache = cache::MakeMemoryCache({.count_bytes = 10'000}, [] { return 1s; });
  LoginLimits limits(*cache, {1, 5, 2, 60s});
  ASSERT_FALSE(limits.Try("ada", "a"));
  for (int i = 0; i < 1'000; ++i) {
    const auto long_account = std::to_string(i) + std::string(1'000, 'x');
    const bool allowed = !limits.Try(long_account, "b");
    if (allowed && i % 2 != 0) limits.GiveBack(long_account, "b");
  }
  EXPECT_TRUE(limits.Try("ada", "a")) << "still counted";
}

TEST_F(LoginLimitsTest, SignUpsAreCountedApart) {
  EXPECT_FALSE(limits_.SignUp("a"));
  EXPECT_FALSE(limits_.SignUp("a"));
  EXPECT_TRUE(limits_.SignUp("a"));
  EXPECT_TRUE(Try("ada", "a"));
}

}  // namespace
}  // namespace millrace::gateway
