#include "lookup_cache.hpp"

#include <cstring>
#include <type_traits>

#include "base/bytes.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kSlots = 64;
static_assert(std::is_trivially_copyable_v<Value>);
static_assert(alignof(Value) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

}  // namespace

LookupRow::LookupRow(const Version& version, const std::vector<Value>& values)
    : version_(version) {
  std::size_t size = values.size() * sizeof(Value);
  const std::size_t texts = size;
  for (const Value& value : values) size += value.has_view() ? value.text.size : 0;
  block_bytes_ = static_cast<std::uint32_t>(size);
  block_ = std::make_unique_for_overwrite<std::byte[]>(size + 1);
  auto* to = reinterpret_cast<char*>(block_.get()) + texts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Value value = values[i];
    if (value.has_view()) {
      std::memcpy(to, value.text.data, value.text.size);
      value.text.data = to;
      to += value.text.size;
    }
    std::memcpy(block_.get() + i * sizeof(Value), &value, sizeof value);
  }
}

LookupRow LookupRow::Broken(const Version& version, std::string reason) {
  LookupRow row(version);
  row.broken_ = std::make_unique<std::string>(std::move(reason));
  return row;
}

std::size_t LookupRow::bytes() const {
  return sizeof(LookupRow) + block_bytes_ + (broken_ ? broken_->size() : 0);
}

std::size_t LookupCache::SlotOf(std::uint64_t hash, std::string_view key) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.entry == nullptr || (slot.hash == hash && slot.entry->key == key)) return at;
  }
}

std::uint64_t LookupCache::HashOf(std::string_view key) { return Hash64(key); }

void LookupCache::Warm(std::uint64_t hash, int step) const {
  if (slots_.empty()) return;
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (step == 0) return __builtin_prefetch(&slot);
  // Of another key, pushed here: Find looks further and is a little slower.
  if (slot.hash != hash || slot.entry == nullptr) return;
  if (step == 1) return __builtin_prefetch(slot.entry.get());
  if (step == 2) return __builtin_prefetch(slot.entry->rows.data());
  if (!slot.entry->rows.empty()) slot.entry->rows.back().Warm();
}

LookupCache::Entry* LookupCache::Find(std::string_view key) {
  if (slots_.empty()) return nullptr;
  Entry* entry = slots_[SlotOf(Hash64(key), key)].entry.get();
  if (entry == nullptr) return nullptr;
  // Nothing had to go yet: of age only what is in use matters.
  if (complete_) {
    used_[uses_++ % kKept] = entry;
  } else if (entry != newest_) {
    MakeNewest(*entry);
  }
  return entry;
}

LookupCache::Entry& LookupCache::Insert(std::string_view key,
                                        std::vector<LookupRow> rows) {
  if ((size_ + 1) * 4 > slots_.size() * 3) Grow();
  const std::uint64_t hash = Hash64(key);
  Slot& slot = slots_[SlotOf(hash, key)];
  slot.hash = hash;
  slot.entry = std::make_unique<Entry>();
  Entry& entry = *slot.entry;
  entry.hash = hash;
  entry.key = key;
  entry.rows = std::move(rows);
  entry.bytes = sizeof(Entry) + 2 * sizeof(Slot) + key.size();
  for (const LookupRow& row : entry.rows) entry.bytes += row.bytes();
  bytes_ += entry.bytes;
  ++size_;
  Link(entry);
  if (complete_) used_[uses_++ % kKept] = &entry;
  Evict();
  return entry;
}

void LookupCache::Add(Entry& entry, LookupRow row, const Version& low) {
  const std::size_t before = entry.bytes;
  if (!entry.rows.empty() && entry.rows.back().version() == row.version()) {
    entry.bytes -= entry.rows.back().bytes();
    entry.rows.pop_back();
  }
  entry.bytes += row.bytes();
  entry.rows.push_back(std::move(row));
  std::size_t old = 0;
  while (old + 1 < entry.rows.size() && entry.rows[old + 1].version() <= low) {
    entry.bytes -= entry.rows[old++].bytes();
  }
  entry.rows.erase(entry.rows.begin(),
                   entry.rows.begin() + static_cast<std::ptrdiff_t>(old));
  bytes_ = bytes_ - before + entry.bytes;
  Evict();
}

void LookupCache::Grow() {
  std::vector<Slot> old = std::move(slots_);
  slots_ = std::vector<Slot>(old.empty() ? kSlots : old.size() * 2);
  for (Slot& slot : old) {
    if (slot.entry == nullptr) continue;
    Slot& to = slots_[SlotOf(slot.hash, slot.entry->key)];
    to = std::move(slot);
  }
}

void LookupCache::Link(Entry& entry) {
  entry.older = newest_;
  entry.newer = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer) = &entry;
  newest_ = &entry;
}

void LookupCache::Unlink(Entry& entry) {
  (entry.older == nullptr ? oldest_ : entry.older->newer) = entry.newer;
  (entry.newer == nullptr ? newest_ : entry.newer->older) = entry.older;
}

void LookupCache::Erase(Entry& entry) {
  Unlink(entry);
  bytes_ -= entry.bytes;
  --size_;
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = SlotOf(entry.hash, entry.key);
  slots_[hole].entry.reset();
  // What was pushed past the hole moves back into it, so that no search ends too early.
  for (std::size_t at = (hole + 1) & mask; slots_[at].entry != nullptr;
       at = (at + 1) & mask) {
    const std::size_t home = slots_[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = std::move(slots_[at]);
    hole = at;
  }
}

void LookupCache::MakeNewest(Entry& entry) {
  Unlink(entry);
  Link(entry);
}

void LookupCache::Evict() {
  if (bytes_ <= max_bytes_ || size_ <= kKept) return;
  if (complete_) {
    for (std::size_t use = uses_ - std::min(uses_, kKept); use < uses_; ++use) {
      MakeNewest(*used_[use % kKept]);
    }
    complete_ = false;
  }
  while (bytes_ > max_bytes_ && size_ > kKept) Erase(*oldest_);
}

void LookupCache::Clear() {
  slots_.clear();
  oldest_ = newest_ = nullptr;
  bytes_ = size_ = uses_ = 0;
  complete_ = true;
}

}  // namespace millrace::pipeline
