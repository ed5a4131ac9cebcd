#include "simulator/shop.hpp"

#include <gmock/gmock.h>

#include <set>

#include "fake_shop.hpp"
#include "simulator/bulk.hpp"

namespace millrace::simulator {
namespace {

using Kind = Write::Kind;

TEST(ShopSeeder, MakesFiftyCustomersWithOneToFiveOrdersEach) {
  const FixedClock clock;
  std::map<std::size_t, int> orders_each;
  std::map<std::string, int> statuses, tiers;
  int all = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    FakeShop shop;
    const ShopSeeder seeder(seed, clock);
    for (const Write& write : seeder.writes()) ASSERT_TRUE(shop.Send(write));
    const auto& customers = shop.collections["customers"];
    ASSERT_EQ(customers.size(), 50U);
    EXPECT_EQ(customers.front().first, "CUSTOMER-1");
    EXPECT_EQ(customers.back().first, "CUSTOMER-50");
    for (const auto& [key, fields] : customers) ++tiers[fields.at("tier")];
    std::map<std::string, std::size_t> of_customer;
    std::uint64_t number = 0;
    for (const auto& [key, fields] : shop.collections["orders"]) {
      EXPECT_EQ(key, "ORDER-" + std::to_string(++number));
      ++of_customer[fields.at("customer_id")];
      ++statuses[fields.at("status")];
      const double amount = std::stod(fields.at("amount"));
      EXPECT_TRUE(amount >= 10 && amount <= 500) << amount;
    }
    EXPECT_EQ(number, seeder.orders());
    ASSERT_EQ(of_customer.size(), 50U);
    for (const auto& [customer, count] : of_customer) ++orders_each[count];
    all += static_cast<int>(number);
  }
  ASSERT_EQ(orders_each.size(), 5U);
  for (const auto& [count, customers] : orders_each) EXPECT_NEAR(customers, 1'000, 150);
  ASSERT_EQ(tiers.size(), 4U);
  for (const auto& [tier, count] : tiers) EXPECT_NEAR(count, 1'250, 150) << tier;
  const auto share = [&](const char* status) { return 100.0 * statuses[status] / all; };
  EXPECT_NEAR(share("delivered"), 60, 2);
  EXPECT_NEAR(share("shipped"), 20, 2);
  EXPECT_NEAR(share("processing"), 15, 2);
  EXPECT_NEAR(share("pending"), 5, 1);
}

TEST(ShopSeeder, TheSameSeedGivesTheSameShop) {
  const FixedClock clock;
  EXPECT_EQ(ShopSeeder(1, clock).writes(), ShopSeeder(1, clock).writes());
  EXPECT_NE(ShopSeeder(1, clock).writes(), ShopSeeder(2, clock).writes());
}

struct LivingShop {
  explicit LivingShop(std::uint64_t seed) : generator(seed, shop, clock) {
    for (const Write& write : ShopSeeder(seed, clock).writes()) {
      EXPECT_TRUE(shop.Send(write));
    }
    shop.sent.clear();
    generator.Schedule(timetable);
  }
  FixedClock clock;
  FakeShop shop;
  ShopGenerator generator;
  Timetable timetable;
};

TEST(ShopGenerator, KeepsItsThreeCycles) {
  LivingShop living(3);
  std::vector<std::pair<std::int64_t, std::string>> done;
  while (living.timetable.due() <= Elapsed(54'000)) {
    const auto at = living.timetable.due().count() / 1000;
    done.emplace_back(at, living.timetable.Run().what);
  }
  const auto times = [&](const std::string& what) {
    std::vector<std::int64_t> at;
    for (const auto& [time, name] : done) {
      if (name == what) at.push_back(time);
    }
    return at;
  };
  EXPECT_THAT(times("new order"),
              testing::ElementsAre(5, 10, 15, 20, 25, 30, 35, 40, 45, 50));
  EXPECT_THAT(times("step"), testing::ElementsAre(8, 16, 24, 32, 40, 48));
  EXPECT_THAT(times("tier"), testing::IsSubsetOf({27, 54}));
}

TEST(ShopGenerator, StatusGoesOneStepForwardOfTheOldestOpenOrder) {
  const std::vector<std::string> steps = {"pending", "processing", "shipped",
                                          "delivered"};
  LivingShop living(4);
  int checked = 0;
  while (living.timetable.due() < Elapsed(4'000'000)) {
    const auto oldest = living.shop.Oldest(
        {"orders", "status=in.(pending,processing,shipped)", {"order_id", "status"}, 1});
    if (living.timetable.Run().what != "step") continue;
    const Write& patch = living.shop.sent.back();
    ASSERT_EQ(patch.kind, Kind::kPatch);
    const Row& row = oldest->front();
    EXPECT_EQ(patch.key, row[0]);
    const auto before = std::ranges::find(steps, row[1]);
    const auto fields = FakeShop::ParseObjects(patch.body).front();
    EXPECT_EQ(fields.at("status"), *(before + 1));
    EXPECT_EQ(fields.at("updated_at"), "2026-11-21T03:00:00Z");
    ++checked;
  }
  EXPECT_GT(checked, 400);
}

TEST(ShopGenerator, ANewOrderNeverTakesAnIdThatIsThere) {
  LivingShop living(5);
  const auto seeded = living.shop.collections["orders"].size();
  ASSERT_GT(seeded, 100U);  // in text order, ORDER-99 would be the last
  std::set<std::string> ids;
  for (const auto& [key, fields] : living.shop.collections["orders"]) ids.insert(key);
  while (living.timetable.due() < Elapsed(2'000'000)) {
    if (living.timetable.Run().what != "new order") continue;
    const auto order = FakeShop::ParseObjects(living.shop.sent.back().body).front();
    EXPECT_TRUE(ids.insert(order.at("order_id")).second) << order.at("order_id");
    EXPECT_EQ(order.at("status"), "pending");
  }
  EXPECT_TRUE(ids.contains("ORDER-" + std::to_string(seeded + 1)));
}

TEST(ShopGenerator, PassesOverANumberThatSomebodyElseTook) {
  LivingShop living(6);
  const auto seeded = living.shop.collections["orders"].size();
  const auto next = [&] {
    while (living.timetable.Run().what != "new order") {
    }
    return FakeShop::ParseObjects(living.shop.sent.back().body).front().at("order_id");
  };
  EXPECT_EQ(next(), "ORDER-" + std::to_string(seeded + 1));
  const std::string taken = "ORDER-" + std::to_string(seeded + 2);
  ASSERT_TRUE(
      living.shop.Send({Kind::kCreate, "orders", "",
                        R"({"order_id":")" + taken + R"(","status":"delivered"})"}));
  EXPECT_EQ(next(), "ORDER-" + std::to_string(seeded + 3));
}

TEST(ShopGenerator, AnEmptyShopStartsAtAHundredThousand) {
  FixedClock clock;
  FakeShop shop;
  ShopGenerator generator(1, shop, clock);
  Timetable timetable;
  generator.Schedule(timetable);
  EXPECT_EQ(RunFor(timetable, Elapsed(60'000)).accepted, 0U);  // no customers, no order
  ASSERT_TRUE(shop.Send(
      {Kind::kCreate, "customers", "", R"({"customer_id":"CUSTOMER-1","tier":"Gold"})"}));
  RunFor(timetable, Elapsed(65'000));
  ASSERT_FALSE(shop.collections["orders"].empty());
  EXPECT_EQ(shop.collections["orders"].front().first, "ORDER-100000");
}

TEST(ShopGenerator, ATierThatIsTheSameIsNotWritten) {
  LivingShop living(7);
  int same = 0, other = 0;
  while (living.timetable.due() < Elapsed(4'000'000)) {
    const bool tier_is_due = living.timetable.due().count() % 27'000 == 0;
    const auto before = living.shop.collections["customers"].front().second.at("tier");
    const auto done = living.timetable.Run();
    if (done.what == "tier") {
      EXPECT_NE(living.shop.collections["customers"].front().second.at("tier"), before);
      ++other;
    } else if (tier_is_due && done.what.empty()) {
      ++same;
    }
  }
  EXPECT_NEAR(same * 4, same + other, 80);
  EXPECT_GT(other, 80);
}

TEST(BulkOrders, BatchesAreTheSameWhoeverMakesThem) {
  const FixedClock clock;
  const BulkOrders bulk(9, Shape::kShop, 2'500, 1'000, 151, clock);
  ASSERT_EQ(bulk.batches(), 3U);
  EXPECT_EQ(bulk.RowsOf(2), 500U);
  const auto last = bulk.Body(2);
  std::set<std::string> ids;
  for (std::uint64_t batch = 0; batch < 3; ++batch) {
    for (const auto& order : FakeShop::ParseObjects(bulk.Body(batch))) {
      ids.insert(order.at("order_id"));
    }
  }
  EXPECT_EQ(ids.size(), 2'500U);
  EXPECT_TRUE(ids.contains("ORDER-151") && ids.contains("ORDER-2650"));
  EXPECT_EQ(bulk.Body(2), last);
  const BulkOrders orders(9, Shape::kOrders, 5'000, 1'000, 1, clock);
  for (std::uint64_t batch = 0; batch < 5; ++batch) {
    for (const auto& order : FakeShop::ParseObjects(orders.Body(batch))) {
      ids.insert(order.at("order_id"));
    }
  }
  EXPECT_EQ(ids.size(), 7'500U);
}

}  // namespace
}  // namespace millrace::simulator
