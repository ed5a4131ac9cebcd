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

  /// `work` with `done`, on such a thread; kUnavailable to `done` when too many wait.
  void Read(Done done, Work work);
  void Hash(Done done, Work work);

 private:
  // Destroyed in the opposite order: reads hand work to hashes.
  runtime::BlockingPool hashes_;
  runtime::BlockingPool reads_;
};

}  // namespace millrace::identity
