#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "cache/cache.hpp"

namespace millrace::cache {

struct MemoryCacheOptions {
  std::size_t value_bytes = 32u << 20u;  ///< of keys and values
  std::size_t count_bytes = 32u << 20u;  ///< of keys and counts
};

/// Time since any fixed moment that never runs backwards.
using SteadyTime = std::function<Lifetime()>;
SteadyTime MachineTime();

/// In the memory of this process; each call holds one lock for a moment.
std::unique_ptr<Cache> MakeMemoryCache(MemoryCacheOptions options = {},
                                       SteadyTime now = MachineTime());

}  // namespace millrace::cache
