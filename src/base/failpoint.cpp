#include "base/failpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

namespace millrace {
namespace {

enum class Action { kNone, kKill, kError, kSleep };

/// What MILLRACE_FAILPOINT says; read once, at the first hit.
struct Plan {
  std::string name;
  Action action = Action::kNone;
  std::uint64_t number = 1;
};

/// A plan that cannot be read must not look like a test that passed.
[[noreturn]] void RefusePlan(std::string_view text) {
  const std::string message =
      "MILLRACE_FAILPOINT: cannot read '" + std::string(text) +
      "': write name:kill:N, name:error:N or name:sleep:MILLISECONDS\n";
  [[maybe_unused]] const auto written = write(2, message.data(), message.size());
  std::abort();
}

Plan ReadPlan() {
  Plan plan;
  const char* const variable = std::getenv("MILLRACE_FAILPOINT");
  if (variable == nullptr || *variable == '\0') return plan;
  const std::string_view text(variable);
  // Names may hold colons, so the two parts are taken from the end.
  const auto number_at = text.rfind(':');
  if (number_at == text.npos || number_at == 0) RefusePlan(text);
  const auto action_at = text.rfind(':', number_at - 1);
  if (action_at == text.npos) RefusePlan(text);
  const auto action = text.substr(action_at + 1, number_at - action_at - 1);
  plan.name = text.substr(0, action_at);
  if (action == "kill") plan.action = Action::kKill;
  if (action == "error") plan.action = Action::kError;
  if (action == "sleep") plan.action = Action::kSleep;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + number_at + 1, end, plan.number);
  if (plan.action == Action::kNone || parsed.ec != std::errc() || parsed.ptr != end) {
    RefusePlan(text);
  }
  return plan;
}

const Plan& ThePlan() {
  static const Plan kPlan = ReadPlan();
  return kPlan;
}

/// O_APPEND and one write: names survive a kill right after, from several processes too.
void Trace(const char* name) {
  static const char* const kFile = std::getenv("MILLRACE_FAILPOINT_TRACE");
  if (kFile == nullptr) return;
  static std::mutex mutex;
  static std::set<std::string> seen;
  const std::scoped_lock lock(mutex);
  if (!seen.insert(name).second) return;
  const int fd = open(kFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const auto line = std::string(name) + "\n";
  [[maybe_unused]] const auto written = write(fd, line.data(), line.size());
  close(fd);
}

bool IsNthHit() {
  static std::atomic<std::uint64_t> hits = 0;
  return hits.fetch_add(1) + 1 == ThePlan().number;
}

}  // namespace

void HitFailPoint(const char* name) {
  Trace(name);
  const auto& plan = ThePlan();
  if (plan.name != name) return;
  if (plan.action == Action::kSleep) {
    std::this_thread::sleep_for(std::chrono::milliseconds(plan.number));
  }
  if (plan.action == Action::kKill && IsNthHit()) kill(getpid(), SIGKILL);
}

bool HitFailPointError(const char* name) {
  Trace(name);
  const auto& plan = ThePlan();
  return plan.name == name && plan.action == Action::kError && IsNthHit();
}

}  // namespace millrace
