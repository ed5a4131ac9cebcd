#include "lookup_cache.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace millrace::pipeline {
namespace {

std::vector<LookupRow> RowsOf(const std::string& text) {
  Value value;
  value.SetView(Value::Tag::kText, text);
  std::vector<LookupRow> rows;
  rows.emplace_back(Version{0, 1, 0}, std::vector<Value>{value});
  return rows;
}

TEST(LookupCache, HoldsWhatWasInserted) {
  LookupCache cache(1u << 30u);
  EXPECT_EQ(cache.Find("a"), nullptr);
  for (int i = 0; i < 5000; ++i) {
    cache.Insert("key" + std::to_string(i), RowsOf(std::to_string(i)));
  }
  for (int i = 0; i < 5000; ++i) {
    const auto* entry = cache.Find("key" + std::to_string(i));
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->rows[0].value(0).view(), std::to_string(i));
  }
  EXPECT_EQ(cache.Find("key5000"), nullptr);
  EXPECT_TRUE(cache.complete());
}

TEST(LookupCache, LetsTheLongestUnaskedGo) {
  LookupCache cache(20'000);
  std::mt19937 random(7);  // NOLINT: the same story each time
  for (int i = 0; i < 3000; ++i) {
    const std::string key = std::to_string(random() % 500);
    const auto* entry = cache.Find(key);
    if (entry == nullptr) entry = &cache.Insert(key, RowsOf(key));
    ASSERT_EQ(entry->rows[0].value(0).view(), key);
    ASSERT_LE(cache.bytes(), 20'000u);
    ASSERT_NE(cache.Find(key), nullptr);
  }
  EXPECT_FALSE(cache.complete());
}

TEST(LookupCache, IsBoundedWhileVersionsAreHeld) {
  constexpr std::size_t kMost = 20'000;
  LookupCache cache(kMost);
  for (std::uint64_t at = 1; at <= 10; ++at) {
    for (int i = 0; i < 40; ++i) {
      const std::string key = std::to_string(i);
      auto* entry = cache.Find(key);
      if (entry == nullptr) entry = &cache.Insert(key, {});
      cache.Add(*entry, LookupRow({0, at, 0}), {});
      ASSERT_LE(cache.bytes(), kMost);
    }
  }
  EXPECT_FALSE(cache.complete());
}

/// What a change has found stays while it asks for more, also when something has to go
/// for the first time.
TEST(LookupCache, KeepsWhatWasFoundLast) {
  const std::string text(1000, 'x');
  LookupCache cache(40'000);
  for (int i = 0; i < 30; ++i) cache.Insert(std::to_string(i), RowsOf(text));
  ASSERT_NE(cache.Find("0"), nullptr);
  for (int i = 0; i < 10; ++i) cache.Insert("new" + std::to_string(i), RowsOf(text));
  ASSERT_FALSE(cache.complete());
  EXPECT_NE(cache.Find("0"), nullptr);
  EXPECT_EQ(cache.Find("1"), nullptr);
}

TEST(LookupCache, DropsVersionsThatNobodyReads) {
  LookupCache cache(1u << 20u);
  auto& entry = cache.Insert("k", {});
  for (std::uint64_t at = 1; at <= 5; ++at) cache.Add(entry, LookupRow({0, at, 0}), {});
  cache.Add(entry, LookupRow({0, 5, 0}), {});
  EXPECT_EQ(entry.rows.size(), 5u);
  cache.Add(entry, LookupRow({0, 6, 0}), {0, 4, 9});
  ASSERT_EQ(entry.rows.size(), 3u);
  EXPECT_EQ(entry.rows[0].version().position, 4u);
  EXPECT_FALSE(entry.rows[0].exists());
}

}  // namespace
}  // namespace millrace::pipeline
