#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "value.hpp"

namespace millrace::pipeline {

/// One version of one key, decoded. Owns its values and their texts, in one block.
class LookupRow {
 public:
  /// No record has the key from `version` on.
  explicit LookupRow(const Version& version) : version_(version) {}
  /// Copies the values with their texts.
  LookupRow(const Version& version, const std::vector<Value>& values);
  /// A document that cannot be used.
  static LookupRow Broken(const Version& version, std::string reason);

  const Version& version() const { return version_; }
  bool exists() const { return block_ != nullptr || broken_ != nullptr; }
  /// Why the document cannot be used, nullptr: it can.
  const std::string* broken() const { return broken_.get(); }
  const Value& value(std::size_t slot) const {
    return reinterpret_cast<const Value*>(block_.get())[slot];
  }
  std::size_t bytes() const;
  /// Values, and the texts behind them.
  void Warm() const {
    constexpr std::size_t kLine = 64, kMost = 4 * kLine;
    for (std::size_t at = 0; at < std::min<std::size_t>(block_bytes_ + 1, kMost);
         at += kLine) {
      __builtin_prefetch(block_.get() + at);
    }
  }

 private:
  Version version_;
  std::uint32_t block_bytes_ = 0;
  std::unique_ptr<std::byte[]> block_;
  std::unique_ptr<std::string> broken_;
};

/// Keys that were asked for lately, with all their versions, oldest first. Bounded by
/// bytes: the key that was not asked for longest goes, but for the newest 16. One thread.
///
/// An open hash table of its own, because a lookup of a big state is nothing but cache
/// misses: one for the slot, one for the entry, one for the row.
class LookupCache {
 public:
  explicit LookupCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  struct Entry {
    std::uint64_t hash = 0;
    std::string key;
    std::vector<LookupRow> rows;
    Entry* older = nullptr;
    Entry* newer = nullptr;
    std::size_t bytes = 0;
  };
  static std::uint64_t HashOf(std::string_view key);
  /// nullptr: not cached. Valid until 16 others were asked for or inserted, or Add.
  Entry* Find(std::string_view key);
  /// Brings into the processor's cache what Find of a key with this hash will touch: call
  /// it with step 0, 1, 2, 3 for many keys each, so that their misses overlap.
  void Warm(std::uint64_t hash, int step) const;
  /// `key` must not be there.
  Entry& Insert(std::string_view key, std::vector<LookupRow> rows);
  /// Adds the newest version; versions below the newest that is at most `low` go. So may
  /// any key: no entry is valid afterwards.
  void Add(Entry& entry, LookupRow row, const Version& low);
  /// Forgets a key, which the store knows.
  void Drop(Entry& entry) {
    complete_ = false;
    Erase(entry);
  }
  void Clear();
  /// True until a key had to go.
  bool complete() const { return complete_; }
  std::size_t bytes() const { return bytes_; }

 private:
  /// Newest entries that stay whatever their size: a change that asks one state under
  /// several names holds a row of each answer.
  static constexpr std::size_t kKept = 16;
  struct Slot {
    std::uint64_t hash = 0;
    std::unique_ptr<Entry> entry;
  };
  std::size_t SlotOf(std::uint64_t hash, std::string_view key) const;
  void Grow();
  void Link(Entry& entry);
  void Unlink(Entry& entry);
  void MakeNewest(Entry& entry);
  void Erase(Entry& entry);
  void Evict();

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::size_t size_ = 0;
  bool complete_ = true;
  std::array<Entry*, kKept> used_{};  ///< while complete: the last ones, in a ring
  std::size_t uses_ = 0;
  std::vector<Slot> slots_;  ///< a power of two, at most three quarters full
  Entry* oldest_ = nullptr;
  Entry* newest_ = nullptr;
};

}  // namespace millrace::pipeline
