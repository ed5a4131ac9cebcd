#include "live_tickets.hpp"

#include <gtest/gtest.h>

#include <array>

namespace millrace::gateway {
namespace {

using Time = LiveTickets::Time;

class LiveTicketsTest : public testing::Test {
 protected:
  std::string Issue(const std::string& token, Time now = {},
                    const std::string& owner = "ada") {
    const std::array headers{http::HeaderField{"Authorization", token}};
    http::Request request;
    request.headers = headers;
    auto ticket = tickets_.Issue(request, owner, now);
    return ticket.value_or("");
  }
  LiveTickets tickets_;
};

TEST_F(LiveTicketsTest, IsGoodOnceAndSoon) {
  const Time now{};
  const auto ada = Issue("Bearer ada"), bob = Issue("Bearer bob"), late = Issue("late");
  EXPECT_GE(ada.size(), 40u);
  EXPECT_NE(ada, bob);
  EXPECT_EQ(tickets_.Redeem(bob, now)->authorization, "Bearer bob");
  EXPECT_FALSE(tickets_.Redeem(bob, now));
  EXPECT_EQ(tickets_.Redeem(ada, now + LiveTickets::kLifetime / 2)->authorization,
            "Bearer ada");
  EXPECT_FALSE(tickets_.Redeem(late, now + LiveTickets::kLifetime));
  EXPECT_FALSE(tickets_.Redeem("", now));
  EXPECT_FALSE(tickets_.Redeem("guessed", now));
}

TEST_F(LiveTicketsTest, HoldsABoundedNumber) {
  const auto first = Issue("first");
  const auto second = Issue("second");
  for (std::size_t i = 2; i < LiveTickets::kMost; ++i)
    Issue("more", {}, "user " + std::to_string(i / LiveTickets::kMostOfOne));
  EXPECT_TRUE(tickets_.Redeem(second, {}));
  Issue("in its place", {}, "bob");
  Issue("one more", {}, "bob");
  EXPECT_FALSE(tickets_.Redeem(first, {}));
}

TEST_F(LiveTicketsTest, UsedOnesTakeNoRoom) {
  const auto bobs = Issue("bob", {}, "bob");
  for (std::size_t i = 0; i <= LiveTickets::kMost; ++i)
    ASSERT_TRUE(tickets_.Redeem(Issue("ada"), {}));
  EXPECT_TRUE(tickets_.Redeem(bobs, {}));
}

TEST_F(LiveTicketsTest, OneWhoTakesManyTakesNobodyElses) {
  const auto bobs = Issue("bob", {}, "bob");
  std::string last;
  for (std::size_t i = 0; i < LiveTickets::kMostOfOne; ++i) last = Issue("ada");
  EXPECT_EQ(Issue("ada"), "");
  EXPECT_TRUE(tickets_.Redeem(bobs, {}));
  EXPECT_TRUE(tickets_.Redeem(last, {}));
  EXPECT_NE(Issue("ada"), "");
  EXPECT_NE(Issue("ada", Time() + LiveTickets::kLifetime), "") << "the old ones are over";
}

}  // namespace
}  // namespace millrace::gateway
