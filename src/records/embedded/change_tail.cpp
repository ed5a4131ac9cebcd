#include "change_tail.hpp"

#include <algorithm>
#include <utility>

namespace millrace::records {
namespace {

std::uint64_t SizeOf(const ChangeBatch& batch) {
  std::uint64_t bytes = batch.changes.capacity() * sizeof(Change);
  for (const auto& text : batch.arena) bytes += text->capacity();
  return bytes;
}

std::uint64_t SizeOf(const Change& change) {
  return sizeof(Change) + change.tenant.size() + change.collection.size() +
         change.key.size() + change.before.size() + change.after.size();
}

std::uint64_t LastOf(const ChangeBatch& batch) {
  return batch.changes.back().position.low;
}

}  // namespace

ChangeTail::ChangeTail(Position end, std::uint64_t max_bytes)
    : max_bytes_(max_bytes), end_(end), before_first_(end.low) {}

void ChangeTail::Publish(ChangeBatch commit) {
  const std::scoped_lock lock(mutex_);
  end_ = commit.changes.back().position;
  bytes_ += SizeOf(commit);
  commits_.push_back(std::move(commit));
  while (bytes_ > max_bytes_ && !commits_.empty()) DropFront();
  published_.notify_all();
}

Position ChangeTail::End() const {
  const std::scoped_lock lock(mutex_);
  return end_;
}

std::optional<ChangeBatch> ChangeTail::Read(std::uint64_t after, std::uint32_t max_rows,
                                            std::uint64_t max_bytes) const {
  const std::scoped_lock lock(mutex_);
  if (after < before_first_) return std::nullopt;
  ChangeBatch out;
  std::uint64_t bytes = 0;
  auto at = std::ranges::upper_bound(commits_, after, {}, LastOf);
  for (; at != commits_.end(); ++at) {
    out.arena.insert(out.arena.end(), at->arena.begin(), at->arena.end());
    const auto first = at->changes.front().position.low;
    for (auto i = after < first ? 0 : after - first + 1; i < at->changes.size(); ++i) {
      if (out.changes.size() >= max_rows) return out;
      if (bytes >= max_bytes && !out.changes.empty()) return out;
      out.changes.push_back(at->changes[i]);
      bytes += SizeOf(out.changes.back());
    }
  }
  return out;
}

bool ChangeTail::WaitFor(Position beyond, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return interrupted_ || end_ > beyond; };
  if (deadline.at() == Deadline::Steady::time_point::max()) {
    published_.wait(lock, ready);
  } else {
    published_.wait_until(lock, deadline.at(), ready);
  }
  if (std::exchange(interrupted_, false)) return false;
  return end_ > beyond;
}

void ChangeTail::Interrupt() {
  const std::scoped_lock lock(mutex_);
  interrupted_ = true;
  published_.notify_all();
}

void ChangeTail::Forget(Position upto) {
  const std::scoped_lock lock(mutex_);
  while (!commits_.empty() && LastOf(commits_.front()) <= upto.low) DropFront();
}

void ChangeTail::DropFront() {
  bytes_ -= SizeOf(commits_.front());
  before_first_ = LastOf(commits_.front());
  commits_.pop_front();
}

}  // namespace millrace::records
