#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace millrace::app {
namespace {

constexpr int kBarWidth = 30;

std::string Bar(double part) {
  const int full = static_cast<int>(part * kBarWidth);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(kBarWidth - full), '.') + "]";
}

}  // namespace

std::optional<int> PercentOf(const ProgressPoint& point) {
  if (point.total == 0) return std::nullopt;
  if (point.done >= point.total) return 100;
  return std::min(99, static_cast<int>(100.0 * static_cast<double>(point.done) /
                                       static_cast<double>(point.total)));
}

Progress::Progress(std::string what, std::uint64_t total,
                   std::function<std::uint64_t()> done, bool quiet)
    : Progress(
          std::move(what),
          [total, done = std::move(done)] { return ProgressPoint{done(), total}; },
          quiet) {}

Progress::Progress(std::string what, std::function<ProgressPoint()> look, bool quiet)
    : what_(std::move(what)),
      look_(std::move(look)),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()) {
  if (!quiet) thread_ = std::thread([this] { Loop(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  if (look_().done > 0) {
    Print(true);
  } else if (terminal_) {
    std::fputs("\r\033[K", stderr);  // a refusal stands alone
  }
}

void Progress::Loop() {
  const std::chrono::milliseconds pause(terminal_ ? 250 : 10'000);
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, pause, [this] { return stopping_; })) Print(false);
}

void Progress::Print(bool last) {
  const auto point = look_();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - started_;
  const double rate = static_cast<double>(point.done) / std::max(seconds.count(), 1e-3);
  std::string line = what_ + " ";
  if (const auto percent = PercentOf(point)) {
    if (terminal_) line += Bar(*percent / 100.0) + " ";
    line +=
        fmt::format("{} of {} ({} %), {:.0f}/s", point.done, point.total, *percent, rate);
  } else {
    line += fmt::format("{}, {:.0f}/s", point.done, rate);
  }
  const bool redraw = terminal_ && !last;
  std::fprintf(stderr, terminal_ ? "\r\033[K%s%s" : "%s%s", line.c_str(),
               redraw ? "" : "\n");
}

}  // namespace millrace::app
