#include "mailbox.hpp"

#include <utility>

namespace millrace::http::internal {
namespace {

/// The mailbox whose server runs on this thread. Not a thread id: those are used again.
thread_local const Mailbox* served_here = nullptr;

}  // namespace

void Mailbox::BindThread() { served_here = this; }

void Mailbox::Send(Ticket ticket, Content&& content) {
  if (served_here == this) {
    deliver_(ticket, std::move(content));
    return;
  }
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  letters_.push_back({ticket, std::move(content)});
  // Under the lock, so that Close cannot let the server go in between.
  if (letters_.size() == 1) wake_();
}

void Mailbox::DeliverAll() {
  {
    const std::scoped_lock lock(mutex_);
    std::swap(letters_, taken_);
  }
  for (Letter& letter : taken_) deliver_(letter.ticket, std::move(letter.content));
  taken_.clear();
}

void Mailbox::Close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  letters_.clear();
}

}  // namespace millrace::http::internal
