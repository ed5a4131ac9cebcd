#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "records/change_feed.hpp"

namespace millrace::records {

/// The newest committed changes in memory, up to a bound, so that a reader that keeps up
/// never touches the file; and the place where it waits for more. Any thread.
class ChangeTail {
 public:
  /// `end`: the newest durable change; nothing up to it is in memory.
  ChangeTail(Position end, std::uint64_t max_bytes);

  /// A durable commit, following the one before without a gap. Not empty.
  void Publish(ChangeBatch commit);
  Position End() const;
  /// Changes after `after`; nullopt when the oldest of them are not in memory any more.
  std::optional<ChangeBatch> Read(std::uint64_t after, std::uint32_t max_rows,
                                  std::uint64_t max_bytes) const;
  bool WaitFor(Position beyond, Deadline deadline);
  /// Ends the wait under way, or the next one.
  void Interrupt();
  /// Nobody will ask for changes up to `upto` again.
  void Forget(Position upto);

 private:
  void DropFront();

  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable published_;
  bool interrupted_ = false;
  Position end_;
  std::uint64_t before_first_;  ///< sequence just before the first one in memory
  std::uint64_t bytes_ = 0;
  std::deque<ChangeBatch> commits_;
};

}  // namespace millrace::records
