#include "simulator/shop.hpp"

#include <array>

#include "json_object.hpp"

namespace millrace::simulator {
namespace {

constexpr std::array<std::string_view, 11> kFirstNames = {
    "Ann",   "Ben",  "Carla", "David", "Elena", "Farid",
    "Grace", "Hugo", "Ines",  "Jonas", "Kira"};
constexpr std::array<std::string_view, 10> kLastNames = {
    "Lee",   "Moreau", "Novak", "Okafor", "Patel",
    "Quist", "Rossi",  "Silva", "Tanaka", "Weber"};
constexpr std::array<std::string_view, 4> kTiers = {"Bronze", "Silver", "Gold",
                                                    "Diamond"};
constexpr std::array<std::string_view, 4> kSteps = {"pending", "processing", "shipped",
                                                    "delivered"};
constexpr std::int64_t kLeastCents = 1'000, kMostCents = 50'001;
constexpr std::uint64_t kFirstNumber = 100'000;  ///< of an empty shop
constexpr int kNumbersTried = 1'000;

std::string OrderId(std::uint64_t number) { return "ORDER-" + std::to_string(number); }
std::string CustomerId(std::uint64_t number) {
  return "CUSTOMER-" + std::to_string(number);
}

/// Delivered .60, shipped .20, processing .15, pending .05.
std::string_view SeededStatus(Random& random) {
  const auto percent = random.Below(100);
  if (percent < 60) return "delivered";
  if (percent < 80) return "shipped";
  return percent < 95 ? "processing" : "pending";
}

std::string NewCustomer(Random& random, std::uint64_t number, TimestampUs at) {
  std::string name(random.Pick(kFirstNames));
  name += ' ';
  name += random.Pick(kLastNames);
  JsonObject customer;
  customer.Text("customer_id", CustomerId(number));
  customer.Text("name", name);
  customer.Text("tier", random.Pick(kTiers));
  customer.Time("created_at", at);
  return std::move(customer).End();
}

std::string OrderBody(Random& random, std::uint64_t number, std::string_view customer,
                      std::string_view status, TimestampUs at) {
  JsonObject order;
  order.Text("order_id", OrderId(number));
  order.Text("customer_id", customer);
  order.Raw("amount", random.Money(kLeastCents, kMostCents));
  order.Text("status", status);
  order.Time("created_at", at);
  return std::move(order).End();
}

}  // namespace

std::string ShopSeeder::NewOrder(Random& random, std::uint64_t number,
                                 std::uint64_t customer, TimestampUs at) {
  const auto status = SeededStatus(random);
  return OrderBody(random, number, CustomerId(customer), status, at);
}

ShopSeeder::ShopSeeder(std::uint64_t seed, const Clock& clock, const ShopNames& names) {
  Random random(seed);
  std::string customers = "[", orders = "[";
  for (std::uint64_t customer = 1; customer <= kCustomers; ++customer) {
    if (customer > 1) customers += ',';
    customers += NewCustomer(random, customer, clock.Now());
    for (auto left = random.Between(1, 5); left > 0; --left) {
      if (orders_ > 0) orders += ',';
      orders += NewOrder(random, ++orders_, customer, clock.Now());
    }
  }
  writes_.push_back({Write::Kind::kCreate, names.customers, "", customers + "]"});
  writes_.push_back({Write::Kind::kCreate, names.orders, "", orders + "]"});
}

ShopGenerator::ShopGenerator(std::uint64_t seed, Target& target, const Clock& clock,
                             ShopNames names)
    : random_(seed), target_(target), clock_(clock), names_(std::move(names)) {}

void ShopGenerator::Schedule(Timetable& timetable) {
  timetable.Every(Elapsed(5'000), [this] { return Order(); });
  timetable.Every(Elapsed(8'000), [this] { return Step(); });
  timetable.Every(Elapsed(27'000), [this] { return Tier(); });
}

Done ShopGenerator::Order() {
  const auto customers = target_.Oldest({names_.customers, "", {"customer_id"}});
  if (!customers) return {"new order", std::unexpected(customers.error())};
  if (customers->empty()) return {};
  return {"new order",
          CreateOrder((*customers)[random_.Below(customers->size())].front())};
}

Status ShopGenerator::CreateOrder(const std::string& customer) {
  if (next_number_ == 0) {
    MR_TRY(const auto highest, target_.HighestNumber(names_.orders, "ORDER-"));
    next_number_ = highest == 0 ? kFirstNumber : highest + 1;
  }
  // The number is part of the same draw however often it is taken.
  const Random drawn = random_;
  Status sent;
  for (int tried = 0; tried < kNumbersTried; ++tried) {
    random_ = drawn;
    const std::string body =
        OrderBody(random_, next_number_++, customer, kSteps.front(), clock_.Now());
    sent = target_.Send({Write::Kind::kCreate, names_.orders, "", body});
    if (sent || sent.error().code() != ErrorCode::kConflict) break;
  }
  return sent;
}

Done ShopGenerator::Step() {
  const auto open = target_.Oldest({names_.orders,
                                    "status=in.(pending,processing,shipped)",
                                    {"order_id", "status"},
                                    1});
  if (!open) return {"step", std::unexpected(open.error())};
  if (open->empty()) return {};
  const Row& row = open->front();
  std::size_t step = 0;
  while (step + 1 < kSteps.size() && kSteps[step] != row[1]) ++step;
  JsonObject patch;
  patch.Text("status", kSteps[std::min(step + 1, kSteps.size() - 1)]);
  patch.Time("updated_at", clock_.Now());
  return {"step", target_.Send({Write::Kind::kPatch, names_.orders, row[0],
                                std::move(patch).End()})};
}

Done ShopGenerator::Tier() {
  const auto first = target_.Oldest({names_.customers, "", {"customer_id", "tier"}, 1});
  if (!first) return {"tier", std::unexpected(first.error())};
  if (first->empty()) return {};
  const Row& row = first->front();
  const auto tier = random_.Pick(kTiers);
  if (tier == row[1]) return {};
  JsonObject patch;
  patch.Text("tier", tier);
  patch.Time("updated_at", clock_.Now());
  return {"tier", target_.Send({Write::Kind::kPatch, names_.customers, row[0],
                                std::move(patch).End()})};
}

}  // namespace millrace::simulator
