#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace millrace::cache {

/// Entries by key within a bound of bytes; beyond it those used longest ago are dropped.
/// Not thread-safe.
template <typename Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t limit_bytes) : limit_(limit_bytes) {}

  /// Null when it is not there; otherwise it is the one used last.
  Value* Find(std::string_view key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  /// `key` must not be there. What is counted for it are key, value and `bytes`.
  Value& Add(std::string_view key, Value value, std::size_t bytes) {
    entries_.push_front({std::string(key), std::move(value), 0});
    places_.emplace(entries_.front().key, entries_.begin());
    Resize(entries_.front(), bytes);
    return entries_.front().value;
  }

  /// The entry that Find or Add gave last now holds so many bytes beside itself.
  void ResizeLast(std::size_t bytes) { Resize(entries_.front(), bytes); }

  void Remove(std::string_view key) {
    const auto found = places_.find(key);
    if (found != places_.end()) Drop(found->second);
  }

  std::size_t Cost(std::string_view key, std::size_t bytes) const {
    return kEntryBytes + key.size() + bytes;
  }
  std::size_t limit() const { return limit_; }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::size_t cost;
  };
  using Entries = std::list<Entry>;
  /// List node, map node and their allocations, about.
  static constexpr std::size_t kEntryBytes = sizeof(Entry) + 96;

  void Resize(Entry& entry, std::size_t bytes) {
    used_ -= entry.cost;
    entry.cost = Cost(entry.key, bytes);
    used_ += entry.cost;
    while (used_ > limit_ && entries_.size() > 1) Drop(std::prev(entries_.end()));
  }

  void Drop(typename Entries::iterator entry) {
    used_ -= entry->cost;
    places_.erase(entry->key);
    entries_.erase(entry);
  }

  const std::size_t limit_;
  std::size_t used_ = 0;
  Entries entries_;  ///< used last in front
  std::unordered_map<std::string_view, typename Entries::iterator> places_;
};

}  // namespace millrace::cache
