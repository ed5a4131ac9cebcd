#include "checkpointer.hpp"

#include "base/failpoint.hpp"

namespace millrace::records {
namespace {

/// Pages of 4 KiB. At kStart the thread begins; past kForced the writer does the whole
/// work itself, so that the log stays bounded. More pages mean fewer writes of the pages
/// that every commit touches, but a longer recovery after a kill.
constexpr int kStartPages = 2'000;
constexpr int kForcedPages = 16'000;

}  // namespace

Result<std::unique_ptr<Checkpointer>> Checkpointer::Start(
    const std::filesystem::path& file) {
  MR_TRY(auto db,
         Database::Open(file, {.mode = Database::Mode::kWriter, .cache_kib = 64}));
  std::unique_ptr<Checkpointer> out(new Checkpointer(std::move(db)));
  out->thread_ = std::thread([checkpointer = out.get()] { checkpointer->Run(); });
  return out;
}

Checkpointer::~Checkpointer() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::Committed(int log_pages) {
  if (log_pages < kStartPages || finish_.load(std::memory_order_relaxed)) return;
  {
    const std::scoped_lock lock(mutex_);
    if (want_) return;
    want_ = true;
  }
  wanted_.notify_one();
}

bool Checkpointer::FinishNow(int log_pages) const {
  return log_pages >= kForcedPages || finish_.load(std::memory_order_acquire);
}

void Checkpointer::Finish(Database& db) {
  Checkpoint(db);
  finish_.store(false, std::memory_order_release);
  const std::scoped_lock lock(mutex_);
  want_ = false;
}

std::optional<Error> Checkpointer::fault() const {
  const std::scoped_lock lock(mutex_);
  return fault_;
}

void Checkpointer::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [&] {
      return stop_ || (want_ && !finish_.load(std::memory_order_relaxed));
    });
    if (stop_) return;
    lock.unlock();
    // The second pass carries what came in during the first, so that little is left.
    Checkpoint(db_);
    Checkpoint(db_);
    finish_.store(true, std::memory_order_release);
    lock.lock();
  }
}

void Checkpointer::Checkpoint(Database& db) {
  MR_FAIL_POINT("records.checkpoint");
  const int code = sqlite3_wal_checkpoint_v2(db.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return;
  auto error = SqliteError(db.get(), "checkpoint records.db");
  // Without room the log goes on growing where it can, and a later checkpoint succeeds.
  if (error.code() == ErrorCode::kResourceExhausted) return;
  const std::scoped_lock lock(mutex_);
  if (!fault_) fault_ = std::move(error);
}

}  // namespace millrace::records
