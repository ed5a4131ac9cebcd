#include "simulator/dirty.hpp"

#include <gmock/gmock.h>

#include "fake_shop.hpp"

namespace millrace::simulator {
namespace {

using Kind = Write::Kind;

/// Takes everything and reads nothing: the fake shop reads clean JSON only.
struct Recorder : FakeShop {
  Status Send(const Write& write) override {
    sent.push_back(write);
    return {};
  }
};

/// One round of all kinds: kind → its writes.
std::map<std::string, std::vector<Write>> Round(Shape shape) {
  const FixedClock clock;
  Recorder shop;
  DirtyInput dirty(1, shop, clock, {shape, "orders", "wire", Elapsed(5'000)});
  std::map<std::string, std::vector<Write>> round;
  for (const auto kind : DirtyInput::Kinds()) {
    shop.sent.clear();
    EXPECT_EQ(dirty.Next().what, "dirty: " + std::string(kind));
    round[std::string(kind)] = shop.sent;
  }
  return round;
}

TEST(DirtyInput, EveryKindComesInTurn) {
  for (const Shape shape : {Shape::kOrders, Shape::kShop}) {
    for (const auto& [kind, writes] : Round(shape)) EXPECT_FALSE(writes.empty()) << kind;
  }
}

TEST(DirtyInput, WhatTheCollectionWouldTakeGoesThere) {
  for (const Shape shape : {Shape::kOrders, Shape::kShop}) {
    auto round = Round(shape);
    for (const char* kind :
         {"blank customer", "negative amount", "id over 50 characters"}) {
      EXPECT_EQ(round[kind].front().kind, Kind::kCreate) << kind;
      EXPECT_EQ(round[kind].front().place, "orders") << kind;
    }
    for (const char* kind : {"not JSON", "null customer", "missing order id",
                             "blank order id", "unknown status"}) {
      EXPECT_EQ(round[kind].front().kind, Kind::kAppend) << kind;
      EXPECT_EQ(round[kind].front().place, "wire") << kind;
    }
  }
}

TEST(DirtyInput, IsOnTheWireAsThatSystemWritesIt) {
  auto orders = Round(Shape::kOrders), shop = Round(Shape::kShop);
  EXPECT_EQ(orders["not JSON"].front().body, "not json");
  EXPECT_THAT(
      orders["null customer"].front().body,
      testing::StartsWith(
          R"({"operationType":"insert","timestamp":"2026-11-21T03:00:00.000Z","ns":{)"));
  EXPECT_THAT(orders["null customer"].front().body,
              testing::HasSubstr(R"("customer_id":null,"product_id")"));
  EXPECT_THAT(
      shop["null customer"].front().body,
      testing::StartsWith(
          R"({"operation":"insert","timestamp":"2026-11-21T03:00:00","document_id":"DIRTY-)"));
  EXPECT_THAT(shop["date to come"].front().body,
              testing::HasSubstr(R"("created_at":"2027-11-21T03:00:00Z")"));
  EXPECT_THAT(orders["date to come"].front().body,
              testing::HasSubstr(R"("createdAt":"2027-11-21T03:00:00Z")"));
  EXPECT_THAT(shop["delete without document"].front().body,
              testing::EndsWith(R"("data":null})"));
  EXPECT_THAT(orders["delete without document"].front().body,
              testing::Not(testing::HasSubstr("fullDocument")));
  EXPECT_THAT(orders["unknown status"].front().body,
              testing::HasSubstr(R"("status":"lost")"));
  EXPECT_THAT(shop["missing order id"].front().body,
              testing::Not(testing::HasSubstr("order_id")));
  EXPECT_THAT(shop["blank order id"].front().body,
              testing::HasSubstr(R"("order_id":" ")"));
  EXPECT_THAT(shop["not UTF-8"].front().body, testing::HasSubstr("\xff"));
  ASSERT_EQ(shop["sent twice"].size(), 2U);
  EXPECT_EQ(shop["sent twice"][0], shop["sent twice"][1]);
}

TEST(DirtyInput, ALaterRoundHasOtherIds) {
  FixedClock clock;
  FakeShop shop;
  DirtyInput dirty(1, shop, clock, {Shape::kShop, "orders", "wire", Elapsed(5'000)});
  for (std::size_t i = 0; i < 3 * DirtyInput::Kinds().size(); ++i) {
    const auto done = dirty.Next();
    EXPECT_TRUE(done.status || done.status.error().code() != ErrorCode::kConflict)
        << done.what;
  }
}

}  // namespace
}  // namespace millrace::simulator
