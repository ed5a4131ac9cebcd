#include "signals.hpp"

#include <pthread.h>

#include <cerrno>
#include <ctime>

namespace millrace::app {

StopSignals::StopSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

std::optional<int> StopSignals::Wait(std::optional<std::chrono::milliseconds> wait) {
  for (;;) {
    int got = 0;
    if (wait) {
      const timespec time{wait->count() / 1000, (wait->count() % 1000) * 1'000'000};
      got = sigtimedwait(&set_, nullptr, &time);
      if (got < 0 && errno == EAGAIN) return std::nullopt;
    } else {
      got = sigwaitinfo(&set_, nullptr);
    }
    if (got > 0) return got;
  }
}

}  // namespace millrace::app
