#include "refusal_fold.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

constexpr FoldLimits kLimits{.window = 1'000, .per_client = 2, .total = 5, .clients = 3};

gateway::AuditEvent From(const std::string& client) {
  gateway::AuditEvent event;
  event.client = client;
  event.address = "at " + client;
  return event;
}

TEST(RefusalFold, KeepsTheFirstOfAClientAndCountsTheRest) {
  RefusalFold fold(kLimits);
  EXPECT_FALSE(fold.due());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(fold.Keeps(From("a"), 100 + i), i < 2) << i;
  EXPECT_TRUE(fold.Keeps(From("b"), 200));
  EXPECT_EQ(fold.due(), 1'100);
  EXPECT_TRUE(fold.Close(1'099).empty());
  const auto events = fold.Close(1'100);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].count, 8u);
  EXPECT_EQ(events[0].address, "at a");
  EXPECT_EQ(events[0].code, "folded");
  EXPECT_EQ(events[0].action, gateway::AuditAction::kRefused);
  EXPECT_FALSE(fold.due());
  EXPECT_TRUE(fold.Keeps(From("a"), 1'101));
}

TEST(RefusalFold, IsBoundedHoweverManyClientsThereAre) {
  RefusalFold fold(kLimits);
  std::uint64_t kept = 0, counted = 0;
  for (int i = 0; i < 1'000; ++i) kept += fold.Keeps(From(std::to_string(i)), 0);
  EXPECT_EQ(kept, kLimits.total);
  const auto events = fold.Close(1'000);
  EXPECT_LE(events.size(), kLimits.clients + 1);
  for (const auto& event : events) counted += event.count;
  EXPECT_EQ(kept + counted, 1'000u);
  EXPECT_TRUE(events.back().address.empty());
}

}  // namespace
}  // namespace millrace::app
