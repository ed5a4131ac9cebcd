#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "simulator/random.hpp"
#include "simulator/target.hpp"
#include "simulator/timetable.hpp"

namespace millrace::simulator {

struct ShopNames {
  std::string customers = "customers";
  std::string orders = "orders";
};

/// Fills a shop: 50 customers with 1 to 5 orders each, ids from 1 on. Made when it is
/// constructed: the same seed gives the same writes but for `created_at`.
class ShopSeeder {
 public:
  static constexpr std::uint64_t kCustomers = 50;
  ShopSeeder(std::uint64_t seed, const Clock& clock, const ShopNames& names = {});
  /// Array creates: first all customers, then all orders.
  const std::vector<Write>& writes() const { return writes_; }
  std::uint64_t orders() const { return orders_; }

  /// A new order in whatever state, also for bulk inserts.
  static std::string NewOrder(Random& random, std::uint64_t number,
                              std::uint64_t customer, TimestampUs at);

 private:
  std::vector<Write> writes_;
  std::uint64_t orders_ = 0;
};

/// A shop that lives: every 5 s an order of any customer; every 8 s the oldest order that
/// is not delivered goes one step on (pending, processing, shipped, delivered); every 27
/// s the oldest customer gets a tier, which may be the one it has. An order's number is
/// one more than the highest there is, or 100000; one that is taken meanwhile is passed
/// over. One thread.
class ShopGenerator {
 public:
  ShopGenerator(std::uint64_t seed, Target& target, const Clock& clock,
                ShopNames names = {});
  /// Adds its work to `timetable`, which does not outlive it.
  void Schedule(Timetable& timetable);

 private:
  Done Order();
  Done Step();
  Done Tier();
  Status CreateOrder(const std::string& customer);

  Random random_;
  Target& target_;
  const Clock& clock_;
  const ShopNames names_;
  std::uint64_t next_number_ = 0;  ///< 0: not asked yet
};

}  // namespace millrace::simulator
