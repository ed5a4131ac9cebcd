#include "simulator/bulk.hpp"

#include <algorithm>

#include "simulator/orders.hpp"
#include "simulator/shop.hpp"

namespace millrace::simulator {

BulkOrders::BulkOrders(std::uint64_t seed, Shape shape, std::uint64_t rows,
                       std::uint64_t batch_rows, std::uint64_t first_number,
                       const Clock& clock)
    : seed_(seed),
      shape_(shape),
      rows_(rows),
      batch_rows_(batch_rows),
      first_number_(first_number),
      clock_(clock) {}

std::uint64_t BulkOrders::RowsOf(std::uint64_t batch) const {
  return std::min(batch_rows_, rows_ - batch * batch_rows_);
}

std::string BulkOrders::Body(std::uint64_t batch) const {
  // Seeds that follow each other give streams of numbers that overlap: mix them first.
  Random random(Random(seed_ + batch).Next() ^ seed_);
  std::string body = "[";
  for (std::uint64_t i = 0; i < RowsOf(batch); ++i) {
    if (i > 0) body += ',';
    const std::uint64_t number = first_number_ + batch * batch_rows_ + i;
    body +=
        shape_ == Shape::kOrders
            ? OrdersSimulator::NewOrder(random)
            : ShopSeeder::NewOrder(
                  random, number, 1 + random.Below(ShopSeeder::kCustomers), clock_.Now());
  }
  return body + "]";
}

}  // namespace millrace::simulator
