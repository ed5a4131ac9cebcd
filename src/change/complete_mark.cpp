#include "change/complete_mark.hpp"

namespace millrace::change {

Position CompleteMark::Get() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

void CompleteMark::Raise(Position position) {
  {
    const std::lock_guard lock(mutex_);
    if (position <= position_) return;
    position_ = position;
  }
  raised_.notify_all();
}

bool CompleteMark::WaitFor(Position position, Deadline deadline) const {
  std::unique_lock lock(mutex_);
  const auto reached = [&] { return position_ >= position || interrupted_; };
  if (deadline.at() == Deadline::Never().at()) {
    raised_.wait(lock, reached);
  } else {
    raised_.wait_until(lock, deadline.at(), reached);
  }
  return position_ >= position;
}

void CompleteMark::Interrupt() {
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  raised_.notify_all();
}

}  // namespace millrace::change
