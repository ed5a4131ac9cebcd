#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "change/sums.hpp"

namespace millrace::app {

/// What one store says of a collection.
struct StoreSum {
  std::string store;  ///< "records", "log", "lake.flights_history", "flights"
  change::Sum sum;
};

/// A collection's way through the stores. Stores that do not pass every field through (or
/// whose pipeline filters) are left out.
struct CollectionVerdict {
  std::string collection;
  std::vector<StoreSum> history;  ///< every change: committed, logged, in lakes
  std::vector<StoreSum> state;    ///< newest per key: records, log, lakes, tables
  std::uint64_t dead_letters = 0;
  std::vector<std::string> left_out;  ///< stores that cannot be compared, and why
  bool Agrees() const;
};

struct Verdict {
  std::vector<CollectionVerdict> collections;
  bool Agrees() const;
  std::string ToJson() const;
  std::string ToText() const;
};

/// Reads every store of a data directory through its public surface, beside a running
/// server or without one, and adds up what each holds. Memory: about 100 bytes a key.
/// Meaningful once nothing is under way: lag 0, and no writes meanwhile.
Result<Verdict> Verify(const std::filesystem::path& data);

}  // namespace millrace::app
