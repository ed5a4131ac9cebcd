#include "work_pools.hpp"

#include <memory>
#include <utility>

namespace millrace::identity {
namespace {

constexpr std::size_t kReadThreads = 2;
constexpr std::size_t kReadQueue = 1024;

void Submit(runtime::BlockingPool& pool, Done done, WorkPools::Work work) {
  const auto kept = std::make_shared<Done>(std::move(done));
  const bool taken =
      pool.Submit([kept, work = std::move(work)]() mutable { work(*kept); });
  if (!taken)
    (*kept)(Fail(ErrorCode::kUnavailable,
                 "Too many requests are waiting; try again in a moment"));
}

}  // namespace

WorkPools::WorkPools(std::size_t hash_threads, std::size_t hash_queue)
    : hashes_(hash_threads, hash_queue), reads_(kReadThreads, kReadQueue) {}

WorkPools::~WorkPools() {
  reads_.Stop();
  hashes_.Stop();
}

void WorkPools::Read(Done done, Work work) {
  Submit(reads_, std::move(done), std::move(work));
}
void WorkPools::Hash(Done done, Work work) {
  Submit(hashes_, std::move(done), std::move(work));
}

}  // namespace millrace::identity
