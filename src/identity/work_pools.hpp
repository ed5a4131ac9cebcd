#pragma once

#include <cstddef>
#include <functional>

#include "identity/done.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::identity {

/// The threads of requests about users: a few for what asks stores, and those that hash
/// passwords, with a bounded queue, so that a flood of logins starves nothing else. Any
/// thread.
class WorkPools {
 public:
  using Work = std::move_only_function<void(Done&)>;

  WorkPools(std::size_t hash_threads, std::size_t hash_queue);
  ~WorkPools();
  WorkPools(const WorkPools&) = delete;
  WorkPools& operator=(const WorkPools&) = delete;

  /// `work` with `done`, on such a thread; kUnavailable to `done` when too many wait.
  void Read(Done done, Work work);
  void Hash(Done done, Work work);

 private:
  // Each hands work to the other: both end before either is destroyed.
  runtime::BlockingPool hashes_;
  runtime::BlockingPool reads_;
};

}  // namespace millrace::identity
