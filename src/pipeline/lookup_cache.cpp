#include "lookup_cache.hpp"

#include <cstring>

#include "base/bytes.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kEntryBytes = 160;  ///< of the map, the list and the vectors

}  // namespace

LookupRow LookupRow::Copy(const Version& version, const std::vector<Value>& values) {
  LookupRow row;
  row.version = version;
  row.exists = true;
  row.values = values;
  std::size_t size = 0;
  for (const Value& value : values) size += value.has_view() ? value.text.size : 0;
  row.texts = std::make_unique<char[]>(size);
  char* to = row.texts.get();
  for (Value& value : row.values) {
    if (!value.has_view()) continue;
    std::memcpy(to, value.text.data, value.text.size);
    value.text.data = to;
    to += value.text.size;
  }
  return row;
}

std::size_t LookupRow::bytes() const {
  std::size_t size = sizeof(LookupRow) + values.size() * sizeof(Value) + broken.size();
  for (const Value& value : values) size += value.has_view() ? value.text.size : 0;
  return size;
}

std::size_t LookupCache::Hash::operator()(std::string_view key) const {
  return Hash64(key);
}

LookupCache::Entry* LookupCache::Find(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  // Nothing had to go yet: age does not matter.
  if (!complete_) ages_.splice(ages_.end(), ages_, found->second.age);
  return &found->second;
}

LookupCache::Entry& LookupCache::Insert(std::string_view key,
                                        std::vector<LookupRow> rows) {
  const auto [at, added] = entries_.try_emplace(std::string(key));
  Entry& entry = at->second;
  if (added) {
    entry.age = ages_.insert(ages_.end(), &at->first);
  }
  bytes_ -= entry.bytes;
  entry.rows = std::move(rows);
  entry.bytes = kEntryBytes + key.size();
  for (const LookupRow& row : entry.rows) entry.bytes += row.bytes();
  bytes_ += entry.bytes;
  Evict();
  return entry;
}

void LookupCache::Add(Entry& entry, LookupRow row, const Version& low) {
  const std::size_t added = row.bytes();
  entry.bytes += added;
  bytes_ += added;
  if (!entry.rows.empty() && entry.rows.back().version == row.version) {
    entry.bytes -= entry.rows.back().bytes();
    bytes_ -= entry.rows.back().bytes();
    entry.rows.back() = std::move(row);
  } else {
    entry.rows.push_back(std::move(row));
  }
  std::size_t old = 0;
  while (old + 1 < entry.rows.size() && entry.rows[old + 1].version <= low) {
    const std::size_t gone = entry.rows[old].bytes();
    entry.bytes -= gone;
    bytes_ -= gone;
    ++old;
  }
  entry.rows.erase(entry.rows.begin(),
                   entry.rows.begin() + static_cast<std::ptrdiff_t>(old));
}

void LookupCache::Evict() {
  // The newest entry stays: its caller holds it.
  while (bytes_ > max_bytes_ && ages_.size() > 1) {
    complete_ = false;
    const auto oldest = entries_.find(*ages_.front());
    ages_.pop_front();
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
  }
}

void LookupCache::Clear() {
  entries_.clear();
  ages_.clear();
  bytes_ = 0;
  complete_ = true;
}

}  // namespace millrace::pipeline
