#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// A few read connections, opened when first needed, for calls that may take long.
class ReaderPool {
 public:
  ReaderPool(std::filesystem::path file, std::uint32_t max)
      : file_(std::move(file)), max_(max) {}

  /// A connection for one call; back in the pool when destroyed.
  class Lease {
   public:
    Lease(ReaderPool& pool, Database db) : pool_(&pool), db_(std::move(db)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), db_(std::move(other.db_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Database& operator*() { return db_; }
    Database* operator->() { return &db_; }

   private:
    ReaderPool* pool_;
    Database db_;
  };
  /// kUnavailable: none was free until the deadline.
  Result<Lease> Take(Deadline deadline);

 private:
  void Give(Database db);

  const std::filesystem::path file_;
  const std::uint32_t max_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint32_t opened_ = 0;
  std::vector<Database> idle_;
};

/// Makes the calls of a connection fail with kDeadlineExceeded once the deadline is past.
class DeadlineGuard {
 public:
  DeadlineGuard(Database& db, Deadline deadline);
  ~DeadlineGuard();
  DeadlineGuard(const DeadlineGuard&) = delete;
  DeadlineGuard& operator=(const DeadlineGuard&) = delete;

 private:
  Database& db_;
  Deadline deadline_;
};

}  // namespace millrace::records
