#include "write_queue.hpp"

#include <utility>

namespace millrace::records {
namespace {

std::uint64_t SizeOf(const WriteRequest& request) {
  std::uint64_t bytes = sizeof request;
  for (const auto& op : request.ops) {
    bytes += sizeof op + op.key.size();
    if (const auto* draft = std::get_if<schema::Draft>(&op.body)) {
      bytes += draft->json.size();
    } else if (const auto* patch = std::get_if<schema::Patch>(&op.body)) {
      for (const auto& item : patch->items) bytes += item.json.size();
    }
  }
  return bytes;
}

}  // namespace

void WriteQueue::Add(WriteRequest request) {
  const auto bytes = SizeOf(request);
  {
    const std::scoped_lock lock(mutex_);
    // An empty queue takes a request of any size: else the largest would never pass.
    const bool room =
        items_.empty() || (items_.size() < max_requests_ && bytes_ + bytes <= max_bytes_);
    if (room && !closed_) {
      bytes_ += bytes;
      items_.push_back({std::move(request), bytes});
    } else {
      request.ops.clear();
      refused_.push_back(std::move(request));
    }
  }
  changed_.notify_one();
}

void WriteQueue::Nudge() {
  {
    const std::scoped_lock lock(mutex_);
    nudged_ = true;
  }
  changed_.notify_one();
}

void WriteQueue::Close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_one();
}

WriteQueue::Taken WriteQueue::Take(
    std::size_t max_requests, std::uint64_t max_bytes,
    std::optional<std::chrono::steady_clock::time_point> until) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] {
    return !items_.empty() || !refused_.empty() || nudged_ || closed_;
  };
  if (until) {
    changed_.wait_until(lock, *until, ready);
  } else {
    changed_.wait(lock, ready);
  }
  Taken out;
  std::uint64_t bytes = 0;
  while (!items_.empty() && out.requests.size() < max_requests &&
         (bytes + items_.front().bytes <= max_bytes || out.requests.empty())) {
    bytes += items_.front().bytes;
    out.requests.push_back(std::move(items_.front().request));
    items_.pop_front();
  }
  bytes_ -= bytes;
  out.refused = std::exchange(refused_, {});
  out.nudged = std::exchange(nudged_, false);
  out.closed = closed_ && items_.empty() && out.requests.empty();
  return out;
}

std::size_t WriteQueue::size() const {
  const std::scoped_lock lock(mutex_);
  return items_.size();
}

}  // namespace millrace::records
