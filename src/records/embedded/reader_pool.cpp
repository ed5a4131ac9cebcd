#include "reader_pool.hpp"

#include <utility>

namespace millrace::records {
namespace {

/// Virtual machine steps between two looks at the clock: well below a millisecond.
constexpr int kStepsBetweenLooks = 2'000;

}  // namespace

ReaderPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->Give(std::move(db_));
}

Result<ReaderPool::Lease> ReaderPool::Take(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto free = [&] { return !idle_.empty() || opened_ < max_; };
  if (deadline.at() == Deadline::Steady::time_point::max()) {
    freed_.wait(lock, free);
  } else if (!freed_.wait_until(lock, deadline.at(), free)) {
    return Fail(ErrorCode::kUnavailable, "all readers are busy");
  }
  if (!idle_.empty()) {
    auto db = std::move(idle_.back());
    idle_.pop_back();
    return Lease(*this, std::move(db));
  }
  ++opened_;
  lock.unlock();
  auto db = Database::Open(file_, {.mode = Database::Mode::kReader, .cache_kib = 2048});
  if (db) return Lease(*this, std::move(*db));
  lock.lock();
  --opened_;
  freed_.notify_one();
  return Fail(std::move(db).error());
}

void ReaderPool::Give(Database db) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(db));
  freed_.notify_one();
}

DeadlineGuard::DeadlineGuard(Database& db, Deadline deadline)
    : db_(db), deadline_(deadline) {
  sqlite3_progress_handler(
      db_.get(), kStepsBetweenLooks,
      [](void* self) {
        return static_cast<DeadlineGuard*>(self)->deadline_.expired() ? 1 : 0;
      },
      this);
}

DeadlineGuard::~DeadlineGuard() {
  sqlite3_progress_handler(db_.get(), 0, nullptr, nullptr);
}

}  // namespace millrace::records
