#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace millrace::simulator {

using Elapsed = std::chrono::milliseconds;  ///< simulated time since the start

/// What came of one tick.
struct Done {
  std::string
      what;       ///< "insert", "update", … counted under this name; empty: nothing to do
  Status status;  ///< of the write, or of the question before it
};

/// Work that recurs, each with a period of its own, in one order: by time, then as added.
class Timetable {
 public:
  using Work = std::function<Done()>;
  /// First after `begin` + `period`, then every `period`.
  void Every(Elapsed period, Work work, Elapsed begin = Elapsed{0});
  bool empty() const { return entries_.empty(); }
  /// When the next work is due.
  Elapsed due() const;
  /// Does it.
  Done Run();

 private:
  struct Entry {
    Elapsed at;
    Elapsed period;
    Work work;
  };
  std::size_t Next() const;
  std::vector<Entry> entries_;
};

/// Waits in real time; a test's does not.
class Pacer {
 public:
  virtual ~Pacer() = default;
  /// Until `since_start`; false: it was asked to stop, and the run ends.
  virtual bool WaitUntil(std::chrono::microseconds since_start) = 0;
};

struct RunOptions {
  double speed = 1;  ///< simulated seconds in one real second; above 0
  double rate = 0;  ///< above 0: so many ticks a real second, whatever the timetable says
  std::optional<std::uint64_t> count;  ///< operations, then the end
  std::optional<Elapsed> duration;     ///< of simulated time
};

struct Summary {
  std::map<std::string, std::uint64_t> operations;  ///< those that were accepted, by name
  std::uint64_t accepted = 0;
  std::uint64_t failed = 0;  ///< refused, or not answered
  std::uint64_t idle = 0;    ///< ticks that found nothing to do
  std::string last_failure;
  Elapsed simulated{0};
  double seconds = 0;  ///< real; the caller's
  std::string ToJson() const;
  std::string ToText() const;
};

/// Runs the timetable to the first of its bounds. A failed operation is counted, handed
/// to `on_failure`, and does not stop the others.
Summary RunTimetable(
    Timetable& timetable, Pacer& pacer, const RunOptions& options,
    const std::function<void(const std::string& what, const Error&)>& on_failure);

}  // namespace millrace::simulator
