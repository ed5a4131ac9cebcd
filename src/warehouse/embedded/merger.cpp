#include "merger.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace millrace::warehouse {
namespace {

/// A shorter log is not worth a checkpoint when writers go quiet.
constexpr std::uint64_t kQuietWal = 1u << 20u;

}  // namespace

Result<std::unique_ptr<Merger>> Merger::Start(Database& database, MergerOptions options) {
  MR_TRY(auto session, database.engine->Connect());
  std::unique_ptr<Merger> merger(
      new Merger(database, std::move(options), std::move(session)));
  merger->thread_ = std::thread(&Merger::Run, merger.get());
  return merger;
}

Merger::~Merger() {
  constexpr auto kAgain = std::chrono::milliseconds(5);
  {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    // A statement that is only just starting forgets an interrupt, hence again and again.
    while (!ended_) {
      session_->Interrupt();
      changed_.wait_for(lock, kAgain, [this] { return ended_; });
    }
  }
  thread_.join();
}

void Merger::Consider(const std::shared_ptr<Table>& table) {
  const bool merge = table->MergeIsDue(options_.rule);
  const bool log_is_long = database_.WalBytes() >= 2 * options_.checkpoint_wal;
  const std::scoped_lock lock(mutex_);
  const bool waits = written_.has_value();
  written_ = std::chrono::steady_clock::now();
  if (waits && !merge && !log_is_long) return;
  const bool queued =
      table == current_ || std::ranges::find(queue_, table) != queue_.end();
  if (merge && !queued) queue_.push_back(table);
  log_is_long_ = log_is_long_ || log_is_long;
  changed_.notify_all();
}

void Merger::ConsiderWhenQuiet(const std::shared_ptr<Table>& table) {
  const std::scoped_lock lock(mutex_);
  written_ = std::chrono::steady_clock::now();
  when_quiet_.push_back(table);
  unfiltered_.push_back(table);
  changed_.notify_all();
}

void Merger::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(
        lock, [this] { return stop_ || log_is_long_ || written_ || !queue_.empty(); });
    if (stop_) break;
    if (!queue_.empty()) {
      current_ = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      MergeWhileDue(*current_);
      lock.lock();
      current_.reset();
      continue;
    }
    if (!unfiltered_.empty()) {
      const auto table = std::move(unfiltered_.front());
      unfiltered_.pop_front();
      lock.unlock();
      FilterKeys(*table);
      lock.lock();
      continue;
    }
    if (!log_is_long_) {
      CheckpointWhenQuiet(lock);
      continue;
    }
    lock.unlock();
    CheckpointAt(2 * options_.checkpoint_wal);
    lock.lock();
    log_is_long_ = false;
  }
  ended_ = true;
  changed_.notify_all();
}

void Merger::CheckpointWhenQuiet(std::unique_lock<std::mutex>& lock) {
  const auto due = *written_ + options_.quiet;
  const bool other = changed_.wait_until(
      lock, due, [this] { return stop_ || log_is_long_ || !queue_.empty(); });
  if (other || *written_ + options_.quiet > due) return;
  written_.reset();
  std::ranges::move(when_quiet_, std::back_inserter(queue_));
  when_quiet_.clear();
  lock.unlock();
  CheckpointAt(std::min(kQuietWal, options_.checkpoint_wal));
  if (options_.observer) options_.observer("quiet");
  lock.lock();
}

void Merger::MergeWhileDue(Table& table) {
  while (!stop_ && table.MergeIsDue(options_.rule)) {
    std::unique_lock merging(database_.merging);
    const auto merged = table.Merge(*session_, options_.rule, options_.observer);
    merging.unlock();
    if (!merged) return Report("a merge failed and will be repeated", merged);
    CheckpointAt(options_.checkpoint_wal);
    if (options_.observer) options_.observer("after_checkpoint");
  }
  FilterKeys(table);
}

void Merger::FilterKeys(Table& table) {
  const std::scoped_lock merging(database_.merging);
  Report("no filter of a table's keys",
         table.FilterKeys(*session_, options_.rule, options_.observer));
}

void Merger::CheckpointAt(std::uint64_t wal_bytes) {
  if (stop_ || database_.WalBytes() < wal_bytes) return;
  const auto done = database_.Checkpoint();
  // A long read is in the way: a later write asks again.
  if (!done && done.error().code() == ErrorCode::kConflict) return;
  Report("a checkpoint failed and will be repeated", done);
}

void Merger::Report(std::string_view message, const Status& status) {
  if (status || stop_ || database_.logger == nullptr) return;
  database_.logger->Warn(message, {{"error", status.error()}});
}

}  // namespace millrace::warehouse
