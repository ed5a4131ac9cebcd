#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace millrace::app {

struct ProgressPoint {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0: unknown
};
/// Whole percents, 100 only at the end; nothing where the total is unknown.
std::optional<int> PercentOf(const ProgressPoint& point);

/// A progress line on stderr: redrawn four times a second on a terminal, one plain line
/// every ten seconds otherwise. Nothing when `quiet`.
class Progress {
 public:
  /// `total` 0: unknown. `done` is called from the progress thread.
  Progress(std::string what, std::uint64_t total, std::function<std::uint64_t()> done,
           bool quiet);
  /// Where the total is known later, or changes.
  Progress(std::string what, std::function<ProgressPoint()> look, bool quiet);
  ~Progress();

 private:
  void Loop();
  void Print(bool last);

  const std::string what_;
  const std::function<ProgressPoint()> look_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point started_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace::app
