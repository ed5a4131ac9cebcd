#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::cache {

using Lifetime = std::chrono::microseconds;

/// So many in any `window`, each forgotten one window after it was taken.
struct Rate {
  std::uint64_t limit = 0;  ///< 1 to 1,000,000
  Lifetime window{};        ///< longer than 0
  /// How long a key is refused after it wanted more than the limit, counted from that
  /// moment; its taken ones are forgotten then. 0: only until the oldest is forgotten.
  Lifetime block{};
};

struct Allowance {
  bool allowed = false;
  std::uint64_t remaining = 0;  ///< of the limit, after this one
  Lifetime reset{};             ///< until the oldest taken one is forgotten
  Lifetime retry_after{};       ///< until one more is allowed; 0 when it is already
};

/// What may be forgotten: answers kept for a moment, and counts of who asked how often.
/// Bounded; what was used longest ago goes first, also before its time. Keys are any
/// bytes; whoever makes them puts tenant and principal in front where data differ by
/// them. Adapters: cache/embedded (memory of this process).
/// Any thread may call any method. A cache that cannot be reached answers kUnavailable:
/// callers go on without it.
class Cache {
 public:
  virtual ~Cache() = default;

  /// The value last put, unless its time is over or it was removed or forgotten.
  virtual Result<std::optional<std::string>> Get(std::string_view key) = 0;
  /// kTooLarge: larger than the cache may hold (nothing is kept under the key then).
  virtual Status Put(std::string_view key, std::string_view value, Lifetime lifetime) = 0;
  /// Nothing is kept under the key any more; success, too, where nothing was.
  virtual Status Remove(std::string_view key) = 0;

  /// Counts one of `key` under a rate, if the rate allows it; what is refused is not
  /// counted. One key is asked with one rate. Counts are apart from values.
  /// kInvalidArgument: a rate out of bounds.
  virtual Result<Allowance> Take(std::string_view key, const Rate& rate) = 0;
  /// Forgets the newest that was taken of a key, as if it had not been; success, too,
  /// where there is none.
  virtual Status GiveBack(std::string_view key) = 0;
};

}  // namespace millrace::cache
