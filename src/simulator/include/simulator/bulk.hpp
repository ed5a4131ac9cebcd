#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "simulator/dirty.hpp"

namespace millrace::simulator {

/// A large volume of orders, cut into array bodies. Batch n is the same for the same
/// seed, whoever makes it: several threads may share one.
class BulkOrders {
 public:
  /// `first_number`: of the first order of the shop's shape.
  BulkOrders(std::uint64_t seed, Shape shape, std::uint64_t rows,
             std::uint64_t batch_rows, std::uint64_t first_number, const Clock& clock);
  std::uint64_t batches() const { return (rows_ + batch_rows_ - 1) / batch_rows_; }
  std::uint64_t RowsOf(std::uint64_t batch) const;
  /// Body of an array create.
  std::string Body(std::uint64_t batch) const;

 private:
  const std::uint64_t seed_;
  const Shape shape_;
  const std::uint64_t rows_, batch_rows_, first_number_;
  const Clock& clock_;
};

}  // namespace millrace::simulator
