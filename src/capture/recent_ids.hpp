#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace millrace::capture {

/// Event ids of the newest events of a stream, by hash of 128 bits: about 80 bytes each,
/// whatever their length. One thread.
class RecentIds {
 public:
  /// Remembers for `window`, and the newest `most` of them at any time.
  RecentIds(TimestampUs window, std::uint64_t most) : window_(window), most_(most) {}

  /// Where an event of this id stands, if it is remembered.
  std::optional<Offset> Find(std::string_view id) const;
  /// `at` never falls from one call to the next.
  void Add(std::string_view id, Offset offset, TimestampUs at);
  /// Forgets the last `count` that were added: their append failed.
  void TakeBack(std::size_t count);
  /// Forgets what is older than the window.
  void Expire(TimestampUs now);
  std::size_t size() const { return order_.size(); }

 private:
  struct Id {
    std::uint64_t high, low;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct HashOf {
    std::size_t operator()(const Id& id) const { return id.low; }
  };
  struct Entry {
    Id id;
    TimestampUs at;
  };
  static Id Of(std::string_view id);

  const TimestampUs window_;
  const std::uint64_t most_;
  std::unordered_map<Id, Offset, HashOf> offsets_;
  std::deque<Entry> order_;
};

}  // namespace millrace::capture
