#include "simulator/orders.hpp"

#include <gmock/gmock.h>

#include <set>

#include "fake_shop.hpp"

namespace millrace::simulator {
namespace {

using Kind = Write::Kind;

/// A run with the simulated second of each write.
struct Recorded {
  std::vector<std::pair<double, Write>> writes;
  FakeShop shop;

  explicit Recorded(std::uint64_t seed, Elapsed duration, OrdersOptions options = {}) {
    OrdersSimulator simulator(seed, shop, std::move(options));
    Timetable timetable;
    simulator.Schedule(timetable);
    while (timetable.due() <= duration) {
      const auto at = static_cast<double>(timetable.due().count()) / 1000;
      const auto before = shop.sent.size();
      EXPECT_TRUE(timetable.Run().status);
      for (auto i = before; i < shop.sent.size(); ++i)
        writes.emplace_back(at, shop.sent[i]);
    }
  }
  std::vector<double> Times(Kind kind) const {
    std::vector<double> times;
    for (const auto& [at, write] : writes) {
      if (write.kind == kind) times.push_back(at);
    }
    return times;
  }
};

TEST(OrdersSimulator, PeriodsAreDrawnOnceWithinTheirBounds) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const Recorded run(seed, Elapsed(120'000));
    const auto inserts = run.Times(Kind::kCreate);
    ASSERT_GE(inserts.size(), 2U);
    EXPECT_GE(inserts[0], 5);
    EXPECT_LT(inserts[0], 10);
    for (std::size_t i = 1; i < inserts.size(); ++i) {
      EXPECT_NEAR(inserts[i] - inserts[i - 1], inserts[0], 0.001);
    }
    const auto updates = run.Times(Kind::kPatch);
    ASSERT_GE(updates.size(), 1U);
    EXPECT_GE(updates[0], 40);
    EXPECT_LT(updates[0], 45);
    for (const double at : run.Times(Kind::kDelete)) EXPECT_GE(at, 50);
  }
}

TEST(OrdersSimulator, NewOrdersHaveTheFieldsAndTheirRanges) {
  Random random(3);
  std::set<std::string> ids, customers, products;
  std::map<std::string, int> quantities;
  double sum = 0;
  constexpr int kOrders = 20'000;
  for (int i = 0; i < kOrders; ++i) {
    const auto order = FakeShop::ParseObjects(OrdersSimulator::NewOrder(random)).front();
    ASSERT_EQ(order.size(), 7U);
    EXPECT_EQ(order.at("order_id").size(), 24U);
    EXPECT_NE(order.at("order_id"), order.at("id"));
    ids.insert(order.at("order_id"));
    customers.insert(order.at("customer_id"));
    products.insert(order.at("product_id"));
    ++quantities[order.at("quantity")];
    EXPECT_EQ(order.at("status"), "created");
    sum += std::stod(order.at("price"));
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kOrders));
  EXPECT_EQ(customers.size(), 100U);
  EXPECT_TRUE(customers.contains("cust_0") && customers.contains("cust_99"));
  EXPECT_EQ(products.size(), 50U);
  EXPECT_TRUE(products.contains("prod_0") && products.contains("prod_49"));
  EXPECT_EQ(quantities.size(), 5U);
  for (const auto& [quantity, count] : quantities)
    EXPECT_NEAR(count, 4'000, 250) << quantity;
  EXPECT_NEAR(sum / kOrders, 60, 1);
}

TEST(OrdersSimulator, UpdatesOneOfTheTenOldestThatAreNotShipped) {
  FakeShop shop;
  std::map<std::string, int> statuses;
  OrdersSimulator simulator(5, shop);
  Timetable timetable;
  simulator.Schedule(timetable);
  while (timetable.due() < Elapsed(40'000'000)) {
    const auto open = shop.Oldest({"orders_source", "status=neq.shipped", {"id"}, 10});
    const auto before = shop.sent.size();
    ASSERT_TRUE(timetable.Run().status);
    if (shop.sent.size() == before || shop.sent.back().kind != Kind::kPatch) continue;
    const Write& update = shop.sent.back();
    EXPECT_THAT(*open, testing::Contains(Row{update.key}));
    const auto patch = FakeShop::ParseObjects(update.body).front();
    ++statuses[patch.at("status")];
    EXPECT_GE(std::stoi(patch.at("quantity")), 1);
    EXPECT_LE(std::stoi(patch.at("quantity")), 5);
  }
  ASSERT_EQ(statuses.size(), 3U);
  const int all = statuses["processing"] + statuses["shipped"] + statuses["cancelled"];
  ASSERT_GT(all, 2'000);
  for (const auto& [status, count] : statuses)
    EXPECT_NEAR(count * 3.0, all, all * 0.15) << status;
}

TEST(OrdersSimulator, DeletesOneCancelledOrderATickAndNoOther) {
  FakeShop shop;
  OrdersSimulator simulator(11, shop);
  Timetable timetable;
  simulator.Schedule(timetable);
  int deletes = 0;
  while (timetable.due() < Elapsed(4'000'000)) {
    const auto cancelled =
        shop.Oldest({"orders_source", "status=eq.cancelled", {"id"}, 5});
    const auto before = shop.sent.size();
    ASSERT_TRUE(timetable.Run().status);
    if (shop.sent.size() == before || shop.sent.back().kind != Kind::kDelete) continue;
    EXPECT_EQ(shop.sent.size(), before + 1);
    EXPECT_THAT(*cancelled, testing::Contains(Row{shop.sent.back().key}));
    ++deletes;
  }
  EXPECT_GT(deletes, 20);
}

TEST(OrdersSimulator, TheSameSeedGivesTheSameOperations) {
  const Recorded one(42, Elapsed(600'000)), same(42, Elapsed(600'000)),
      other(43, Elapsed(600'000));
  EXPECT_EQ(one.writes, same.writes);
  EXPECT_NE(one.writes, other.writes);
}

TEST(OrdersSimulator, DeletesCanBeMadeRarerOrLeftOut) {
  OrdersOptions none, every_minute;
  none.delete_every = Elapsed(0);
  every_minute.delete_every = Elapsed(60'000);
  EXPECT_TRUE(Recorded(1, Elapsed(3'600'000), none).Times(Kind::kDelete).empty());
  const auto times = Recorded(1, Elapsed(3'600'000), every_minute).Times(Kind::kDelete);
  ASSERT_FALSE(times.empty());
  for (const double at : times) {
    EXPECT_EQ(static_cast<int>(at - 30) % 60, 0);
  }
}

TEST(OrdersSimulator, ARefusedInsertDoesNotStopTheTimers) {
  FakeShop shop;
  shop.refuse = [](const Write& write) { return write.kind == Kind::kCreate; };
  OrdersSimulator simulator(1, shop);
  Timetable timetable;
  simulator.Schedule(timetable);
  const auto summary = RunFor(timetable, Elapsed(100'000));
  EXPECT_GE(summary.failed, 10U);
  EXPECT_GT(summary.idle, 0U);  // nothing to update
}

}  // namespace
}  // namespace millrace::simulator
