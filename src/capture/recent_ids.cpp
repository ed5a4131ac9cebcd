#include "recent_ids.hpp"

#include "base/bytes.hpp"

namespace millrace::capture {
namespace {

constexpr std::size_t kFirstSlots = 1024;
/// How far ahead of its turn what is forgotten for want of room is fetched.
constexpr std::size_t kPrefetchAhead = 16;

}  // namespace

RecentIds::RecentIds(TimestampUs window, std::uint64_t most)
    : window_(window), most_(most), slots_(kFirstSlots), mask_(kFirstSlots - 1) {}

RecentIds::Id RecentIds::Of(std::string_view id) {
  constexpr std::uint64_t kOtherSeed = 0x9e3779b97f4a7c15;
  return {Hash64(id, kOtherSeed), Hash64(id)};
}

/// Never 0. The highest bit says nothing about the place: there are fewer slots.
std::uint32_t RecentIds::HashOf(const Id& id) {
  return static_cast<std::uint32_t>(id.low) | 0x80000000U;
}

std::optional<Offset> RecentIds::Find(const Id& id) const {
  const auto hash = HashOf(id);
  for (auto at = Home(id); slots_[at].hash != 0; at = Next(at)) {
    if (slots_[at].hash != hash) continue;
    const auto& entry = order_[slots_[at].serial - first_serial_];
    if (entry.id == id) return entry.offset;
  }
  return std::nullopt;
}

void RecentIds::Add(const Id& id, Offset offset, TimestampUs at) {
  const auto serial = first_serial_ + static_cast<std::uint32_t>(order_.size());
  order_.push_back({id, offset, at});
  Take(Home(id), HashOf(id), serial);
  if (order_.size() > most_) ForgetFirst();
  if (order_.size() * 2 > slots_.size()) Grow();
}

/// The first free slot from `slot` on.
void RecentIds::Take(std::size_t slot, std::uint32_t hash, std::uint32_t serial) {
  while (slots_[slot].hash != 0) slot = Next(slot);
  slots_[slot] = {hash, serial};
}

void RecentIds::Grow() {
  slots_.assign(slots_.size() * 2, {});
  mask_ = slots_.size() - 1;
  auto serial = first_serial_;
  for (const auto& entry : order_) Take(Home(entry.id), HashOf(entry.id), serial++);
}

/// Moves those that had to go past the place back into it, so that a search may end at
/// the first free slot.
void RecentIds::Erase(const Id& id, std::uint32_t serial) {
  auto hole = Home(id);
  while (slots_[hole].hash == 0 || slots_[hole].serial != serial) hole = Next(hole);
  for (auto at = Next(hole); slots_[at].hash != 0; at = Next(at)) {
    const auto from_home = (at - slots_[at].hash) & mask_;
    const auto from_hole = (at - hole) & mask_;
    if (from_home < from_hole) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
}

void RecentIds::ForgetFirst() {
  Erase(order_.front().id, first_serial_++);
  order_.pop_front();
  if (order_.size() > kPrefetchAhead) Prefetch(order_[kPrefetchAhead].id);
}

void RecentIds::TakeBack(std::size_t count) {
  for (; count > 0 && !order_.empty(); --count) {
    const auto serial = first_serial_ + static_cast<std::uint32_t>(order_.size()) - 1;
    Erase(order_.back().id, serial);
    order_.pop_back();
  }
}

void RecentIds::Expire(TimestampUs now) {
  while (!order_.empty() && order_.front().at < now - window_) ForgetFirst();
}

}  // namespace millrace::capture
