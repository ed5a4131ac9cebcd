#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace millrace::capture {

/// Event ids of the newest events of a stream, by hash of 128 bits: about 50 bytes each,
/// whatever their length. One thread.
class RecentIds {
 public:
  struct Id {
    std::uint64_t high, low;
    friend bool operator==(const Id&, const Id&) = default;
  };
  static Id Of(std::string_view id);

  /// Remembers for `window`, and the newest `most` (below 2^31) of them at any time.
  RecentIds(TimestampUs window, std::uint64_t most);

  /// Begins to fetch what Find and Add of this id will look at: the table is larger than
  /// the caches, and a batch of ids need not wait for one miss after the other.
  void Prefetch(const Id& id) const { __builtin_prefetch(&slots_[Home(id)], 1); }
  /// Where an event of this id stands, if it is remembered.
  std::optional<Offset> Find(const Id& id) const;
  /// An id that Find does not find. `at` never falls from one call to the next.
  void Add(const Id& id, Offset offset, TimestampUs at);
  /// Forgets the last `count` that were added: their append failed.
  void TakeBack(std::size_t count);
  /// Forgets what is older than the window.
  void Expire(TimestampUs now);
  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    Id id;
    Offset offset;
    TimestampUs at;
  };
  /// Of the table with open addressing; a size that is a power of two, at most half full.
  struct Slot {
    std::uint32_t hash = 0;    ///< 0: free
    std::uint32_t serial = 0;  ///< order_[serial - first_serial_]
  };
  static std::uint32_t HashOf(const Id& id);
  std::size_t Home(const Id& id) const { return HashOf(id) & mask_; }
  std::size_t Next(std::size_t slot) const { return (slot + 1) & mask_; }
  void Take(std::size_t slot, std::uint32_t hash, std::uint32_t serial);
  void Grow();
  void Erase(const Id& id, std::uint32_t serial);
  void ForgetFirst();

  const TimestampUs window_;
  const std::uint64_t most_;
  std::deque<Entry> order_;
  std::uint32_t first_serial_ = 0;
  std::vector<Slot> slots_;
  std::size_t mask_;
};

}  // namespace millrace::capture
