#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "value.hpp"

namespace millrace::pipeline {

/// One version of one key, decoded. Owns its texts.
struct LookupRow {
  Version version;
  bool exists = false;  ///< false: no record has this key from `version` on
  std::string broken;   ///< why the document cannot be used; empty: it can
  std::vector<Value> values;
  std::unique_ptr<char[]> texts;

  /// Copies the values with their texts.
  static LookupRow Copy(const Version& version, const std::vector<Value>& values);
  std::size_t bytes() const;
};

/// Keys that were asked for lately, with all their versions, oldest first. Bounded by
/// bytes: the key that was not asked for longest goes. One thread.
class LookupCache {
 public:
  explicit LookupCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  struct Entry {
    std::vector<LookupRow> rows;
    std::list<const std::string*>::iterator age;
    std::size_t bytes = 0;
  };
  /// nullptr: not cached. Valid until the next call of Insert.
  Entry* Find(std::string_view key);
  Entry& Insert(std::string_view key, std::vector<LookupRow> rows);
  /// Adds the newest version; versions below the newest that is at most `low` go.
  void Add(Entry& entry, LookupRow row, const Version& low);
  void Clear();
  /// True until a key had to go.
  bool complete() const { return complete_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const;
  };
  void Evict();

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  bool complete_ = true;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::list<const std::string*> ages_;  ///< oldest first
};

}  // namespace millrace::pipeline
