#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::change {

/// "All events of this source up to this position, of every stream, are durable in the
/// log": a quiet stream has no new positions, so a reader that joins two streams asks
/// here. Raised by capture, waited on by pipelines. Any thread.
class CompleteMark {
 public:
  Position Get() const;
  /// Never goes back; a lower position is ignored.
  void Raise(Position position);
  /// True once the mark is at least `position`; false on the deadline or Interrupt.
  bool WaitFor(Position position, Deadline deadline) const;
  void Interrupt();

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable raised_;
  Position position_;
  bool interrupted_ = false;
};

}  // namespace millrace::change
