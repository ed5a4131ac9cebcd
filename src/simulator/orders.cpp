#include "simulator/orders.hpp"

#include <array>

#include "json_object.hpp"

namespace millrace::simulator {
namespace {

constexpr Elapsed kQuiet{30'000};  ///< before the first update or delete may come
constexpr std::array<std::string_view, 3> kStatuses = {"processing", "shipped",
                                                       "cancelled"};

/// Uniform in [low, high) seconds.
Elapsed Period(Random& random, std::int64_t low, std::int64_t high) {
  return Elapsed(random.Between(low * 1'000, high * 1'000 - 1));
}

}  // namespace

OrdersSimulator::OrdersSimulator(std::uint64_t seed, Target& target,
                                 OrdersOptions options)
    : random_(seed), target_(target), options_(std::move(options)) {}

void OrdersSimulator::Schedule(Timetable& timetable) {
  timetable.Every(Period(random_, 5, 10), [this] { return Insert(); });
  timetable.Every(Period(random_, 10, 15), [this] { return Update(); }, kQuiet);
  // Drawn in any case, so that the option changes nothing else.
  const Elapsed drawn = Period(random_, 20, 30);
  const Elapsed period = options_.delete_every.value_or(drawn);
  if (period > Elapsed{0}) {
    timetable.Every(period, [this] { return Delete(); }, kQuiet);
  }
}

std::string OrdersSimulator::NewOrder(Random& random) {
  JsonObject order;
  order.Text("id", random.Hex(24));
  order.Text("order_id", random.Hex(24));
  order.Text("customer_id", "cust_" + std::to_string(random.Below(100)));
  order.Text("product_id", "prod_" + std::to_string(random.Below(50)));
  order.Number("quantity", random.Between(1, 5));
  order.Raw("price", random.Money(1'000, 11'000));
  order.Text("status", "created");
  return std::move(order).End();
}

Done OrdersSimulator::Insert() {
  return {"insert", target_.Send({Write::Kind::kCreate, options_.collection, "",
                                  NewOrder(random_)})};
}

Done OrdersSimulator::Update() {
  const auto open =
      target_.Oldest({options_.collection, "status=neq.shipped", {"id"}, 10});
  if (!open) return {"update", std::unexpected(open.error())};
  if (open->empty()) return {};
  const Row& row = (*open)[random_.Below(open->size())];
  JsonObject patch;
  patch.Text("status", random_.Pick(kStatuses));
  patch.Number("quantity", random_.Between(1, 5));
  return {"update", target_.Send({Write::Kind::kPatch, options_.collection, row.front(),
                                  std::move(patch).End()})};
}

Done OrdersSimulator::Delete() {
  const auto cancelled =
      target_.Oldest({options_.collection, "status=eq.cancelled", {"id"}, 5});
  if (!cancelled) return {"delete", std::unexpected(cancelled.error())};
  if (cancelled->empty()) return {};
  const Row& row = (*cancelled)[random_.Below(cancelled->size())];
  return {"delete",
          target_.Send({Write::Kind::kDelete, options_.collection, row.front(), ""})};
}

}  // namespace millrace::simulator
