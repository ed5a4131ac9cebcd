#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "telemetry/metrics.hpp"

namespace millrace::telemetry {
namespace {

/// A number of /proc/self/statm or /proc/self/stat, counted from 0; NaN when unreadable.
double ReadProcNumber(const char* path, int field) {
  std::ifstream in(path);
  std::string text;
  if (!std::getline(in, text)) return NAN;
  // The program's name, in parentheses, may hold blanks: fields are counted behind it.
  const auto name_end = text.rfind(')');
  std::string_view rest = text;
  if (name_end != std::string::npos) rest.remove_prefix(name_end + 2);
  for (int i = 0; i < field; ++i) {
    const auto blank = rest.find(' ');
    if (blank == std::string_view::npos) return NAN;
    rest.remove_prefix(blank + 1);
  }
  double value = NAN;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

double PageBytes() { return static_cast<double>(::sysconf(_SC_PAGESIZE)); }

double CpuSeconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

double OpenFds() {
  std::error_code failed;
  double count = 0;
  auto entry = std::filesystem::directory_iterator("/proc/self/fd", failed);
  for (; !failed && entry != std::filesystem::directory_iterator();
       entry.increment(failed)) {
    ++count;
  }
  return count - 1;  // the one that lists them
}

double MaxFds() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

/// /proc/stat's btime plus the start time in ticks since boot (field 22 of stat, the 20th
/// behind the name).
double StartTime() {
  std::ifstream in("/proc/stat");
  double boot = NAN;
  for (std::string word; in >> word;) {
    if (word == "btime" && in >> boot) break;
  }
  const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return boot + ReadProcNumber("/proc/self/stat", 19) / ticks_per_second;
}

}  // namespace

std::vector<CallbackHandle> AddProcessMetrics(Registry& registry) {
  using Kind = Registry::CallbackKind;
  std::vector<CallbackHandle> handles;
  const auto add = [&](Kind kind, std::string_view name, std::string_view help,
                       std::function<double()> read) {
    handles.push_back(registry.AddCallback(kind, name, help, {}, std::move(read)));
  };
  add(Kind::kCounter, "process_cpu_seconds_total", "User and system CPU time spent.",
      CpuSeconds);
  add(Kind::kGauge, "process_resident_memory_bytes", "Resident memory size.",
      [] { return ReadProcNumber("/proc/self/statm", 1) * PageBytes(); });
  add(Kind::kGauge, "process_virtual_memory_bytes", "Virtual memory size.",
      [] { return ReadProcNumber("/proc/self/statm", 0) * PageBytes(); });
  add(Kind::kGauge, "process_open_fds", "Open file descriptors.", OpenFds);
  add(Kind::kGauge, "process_max_fds", "Limit of open file descriptors.", MaxFds);
  add(Kind::kGauge, "process_threads", "Threads of the process.",
      [] { return ReadProcNumber("/proc/self/stat", 17); });
  add(Kind::kGauge, "process_start_time_seconds", "Start of the process, Unix time.",
      [started = StartTime()] { return started; });
  return handles;
}

}  // namespace millrace::telemetry
