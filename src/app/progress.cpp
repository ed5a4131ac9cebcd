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

Progress::Progress(std::string what, std::uint64_t total,
                   std::function<std::uint64_t()> done, bool quiet)
    : what_(std::move(what)),
      total_(total),
      done_(std::move(done)),
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
  Print(true);
}

void Progress::Loop() {
  const std::chrono::milliseconds pause(terminal_ ? 250 : 10'000);
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, pause, [this] { return stopping_; })) Print(false);
}

void Progress::Print(bool last) {
  const auto done = done_();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - started_;
  const double rate = static_cast<double>(done) / std::max(seconds.count(), 1e-3);
  std::string line = what_ + " ";
  if (total_ > 0) {
    const double part =
        std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    if (terminal_) line += Bar(part) + " ";
    line += fmt::format("{} of {}, {:.0f}/s", done, total_, rate);
  } else {
    line += fmt::format("{}, {:.0f}/s", done, rate);
  }
  const bool redraw = terminal_ && !last;
  std::fprintf(stderr, terminal_ ? "\r\033[K%s%s" : "%s%s", line.c_str(),
               redraw ? "" : "\n");
}

}  // namespace millrace::app
