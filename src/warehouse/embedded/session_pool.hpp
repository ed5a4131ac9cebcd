#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/time.hpp"
#include "sql/engine.hpp"

namespace millrace::warehouse {

/// A bounded number of sessions for reading, made when first needed. Any thread.
class SessionPool {
 public:
  /// Returns its session when it ends.
  class Lease {
   public:
    Lease(SessionPool& pool, std::unique_ptr<sql::Session> session)
        : pool_(&pool), session_(std::move(session)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (session_) pool_->Return(std::move(session_));
    }
    sql::Session& operator*() const { return *session_; }
    sql::Session* operator->() const { return session_.get(); }

   private:
    SessionPool* pool_;
    std::unique_ptr<sql::Session> session_;
  };

  SessionPool(sql::Engine& engine, std::uint32_t limit)
      : engine_(engine), free_places_(limit) {}
  /// Waits for a free one: kDeadlineExceeded.
  Result<Lease> Take(Deadline deadline);

 private:
  void Return(std::unique_ptr<sql::Session> session);

  sql::Engine& engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t free_places_;
  std::vector<std::unique_ptr<sql::Session>> idle_;
};

}  // namespace millrace::warehouse
