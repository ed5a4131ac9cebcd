#include "http/stream.hpp"

#include <utility>

#include "mailbox.hpp"

namespace millrace::http {

Stream::Stream(StreamOptions options, std::shared_ptr<internal::Mailbox> mailbox,
               internal::Ticket ticket)
    : options_(std::move(options)), mailbox_(std::move(mailbox)), ticket_(ticket) {}

bool Stream::Send(SharedBytes bytes) {
  std::unique_lock lock(mutex_);
  if (closed_ || end_ != End::kNone || unsent_ >= options_.buffer) return false;
  unsent_ += bytes->size();
  queue_.push_back(std::move(bytes));
  Poke(lock);
  return true;
}

std::size_t Stream::unsent() const {
  const std::scoped_lock lock(mutex_);
  return unsent_;
}

void Stream::Close() { Finish(End::kClose); }
void Stream::Cut() { Finish(End::kCut); }

void Stream::Finish(End end) {
  std::unique_lock lock(mutex_);
  if (closed_ || end_ >= end) return;
  end_ = end;
  // Whoever was told of bytes may be waiting for a client that takes none.
  poked_ = false;
  Poke(lock);
}

/// Many pieces wake the server's thread once.
void Stream::Poke(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(poked_, true)) return;
  lock.unlock();
  mailbox_->Send(ticket_, internal::PokeStream{});
}

Stream::End Stream::Take(std::vector<SharedBytes>& into) {
  const std::scoped_lock lock(mutex_);
  poked_ = false;
  std::swap(queue_, into);
  return end_;
}

void Stream::Written(std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  unsent_ -= bytes;
}

bool Stream::cut() const {
  const std::scoped_lock lock(mutex_);
  return end_ == End::kCut;
}

void Stream::MarkClosed() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    queue_.clear();
    queue_.shrink_to_fit();
  }
  if (options_.on_closed) options_.on_closed();
}

}  // namespace millrace::http
