#include "session_pool.hpp"

namespace millrace::warehouse {

Result<SessionPool::Lease> SessionPool::Take(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return free_places_ > 0; };
  if (deadline.at() == Deadline::Never().at()) {
    changed_.wait(lock, free);
  } else if (!changed_.wait_until(lock, deadline.at(), free)) {
    return Fail(ErrorCode::kDeadlineExceeded, "too many reads are under way");
  }
  if (!idle_.empty()) {
    auto session = std::move(idle_.back());
    idle_.pop_back();
    --free_places_;
    return Lease(*this, std::move(session));
  }
  MR_TRY(auto session, engine_.Connect());
  --free_places_;
  return Lease(*this, std::move(session));
}

void SessionPool::Return(std::unique_ptr<sql::Session> session) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(session));
  ++free_places_;
  changed_.notify_one();
}

}  // namespace millrace::warehouse
