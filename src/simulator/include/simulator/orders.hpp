#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "simulator/random.hpp"
#include "simulator/target.hpp"
#include "simulator/timetable.hpp"

namespace millrace::simulator {

struct OrdersOptions {
  std::string collection = "orders_source";
  /// One delete each; nullopt: a period is drawn; 0: none.
  std::optional<Elapsed> delete_every;
};

/// The life of online orders: one is made every 5 to 10 s; from 30 s on, every 10 to 15 s
/// one of the ten oldest that are not shipped gets another status and quantity, and every
/// 20 to 30 s one of the five oldest cancelled ones is deleted. Periods are drawn once.
/// The same seed and the same answers give the same operations. One thread.
class OrdersSimulator {
 public:
  OrdersSimulator(std::uint64_t seed, Target& target, OrdersOptions options = {});
  /// Adds its work to `timetable`, which does not outlive it.
  void Schedule(Timetable& timetable);

  /// A new order, also for bulk inserts.
  static std::string NewOrder(Random& random);

 private:
  Done Insert();
  Done Update();
  Done Delete();

  Random random_;
  Target& target_;
  const OrdersOptions options_;
};

}  // namespace millrace::simulator
