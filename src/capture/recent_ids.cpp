#include "recent_ids.hpp"

#include "base/bytes.hpp"

namespace millrace::capture {

RecentIds::Id RecentIds::Of(std::string_view id) {
  constexpr std::uint64_t kOtherSeed = 0x9e3779b97f4a7c15;
  return {Hash64(id, kOtherSeed), Hash64(id)};
}

std::optional<Offset> RecentIds::Find(std::string_view id) const {
  const auto found = offsets_.find(Of(id));
  if (found == offsets_.end()) return std::nullopt;
  return found->second;
}

void RecentIds::Add(std::string_view id, Offset offset, TimestampUs at) {
  const Id key = Of(id);
  if (!offsets_.emplace(key, offset).second) return;
  order_.push_back({key, at});
  if (order_.size() <= most_) return;
  offsets_.erase(order_.front().id);
  order_.pop_front();
}

void RecentIds::TakeBack(std::size_t count) {
  for (; count > 0 && !order_.empty(); --count) {
    offsets_.erase(order_.back().id);
    order_.pop_back();
  }
}

void RecentIds::Expire(TimestampUs now) {
  while (!order_.empty() && order_.front().at < now - window_) {
    offsets_.erase(order_.front().id);
    order_.pop_front();
  }
}

}  // namespace millrace::capture
