#include "simulator/timetable.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"

namespace millrace::simulator {

void Timetable::Every(Elapsed period, Work work, Elapsed begin) {
  entries_.push_back({begin + period, period, std::move(work)});
}

std::size_t Timetable::Next() const {
  const auto next = std::ranges::min_element(entries_, {}, &Entry::at);
  return static_cast<std::size_t>(next - entries_.begin());
}

Elapsed Timetable::due() const { return entries_[Next()].at; }

Done Timetable::Run() {
  Entry& entry = entries_[Next()];
  entry.at += entry.period;
  return entry.work();
}

namespace {

std::chrono::microseconds RealTime(const RunOptions& options, Elapsed due,
                                   std::uint64_t tick) {
  const double seconds = options.rate > 0
                             ? static_cast<double>(tick) / options.rate
                             : static_cast<double>(due.count()) / 1000 / options.speed;
  return std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
}

}  // namespace

Summary RunTimetable(
    Timetable& timetable, Pacer& pacer, const RunOptions& options,
    const std::function<void(const std::string& what, const Error&)>& on_failure) {
  Summary summary;
  const auto enough = [&] {
    return options.count && summary.accepted + summary.failed >= *options.count;
  };
  for (std::uint64_t tick = 1; !timetable.empty() && !enough(); ++tick) {
    const Elapsed due = timetable.due();
    if (options.duration && due > *options.duration) break;
    if (!pacer.WaitUntil(RealTime(options, due, tick))) break;
    summary.simulated = due;
    const Done done = timetable.Run();
    if (!done.status) {
      ++summary.failed;
      summary.last_failure = done.status.error().message();
      on_failure(done.what, done.status.error());
    } else if (done.what.empty()) {
      ++summary.idle;
    } else {
      ++summary.accepted;
      ++summary.operations[done.what];
    }
  }
  return summary;
}

std::string Summary::ToJson() const {
  std::string out = fmt::format(
      "{{\"accepted\":{},\"failed\":{},\"idle\":{},\"simulated_seconds\":{},\"seconds\":{"
      ":.3f},"
      "\"operations\":{{",
      accepted, failed, idle, static_cast<double>(simulated.count()) / 1000, seconds);
  bool first = true;
  for (const auto& [name, count] : operations) {
    if (!first) out += ',';
    first = false;
    AppendJsonKey(out, name);
    AppendUint(out, count);
  }
  out += '}';
  if (!last_failure.empty()) {
    out += ",\"last_failure\":";
    AppendJsonString(out, last_failure);
  }
  return out + "}";
}

std::string Summary::ToText() const {
  std::string out =
      fmt::format("{} operations in {:.1f} s, {:.0f} s simulated\n", accepted, seconds,
                  static_cast<double>(simulated.count()) / 1000);
  for (const auto& [name, count] : operations) {
    out += fmt::format("  {}: {}\n", name, count);
  }
  if (idle > 0) out += fmt::format("{} times there was nothing to do\n", idle);
  if (failed > 0)
    out += fmt::format("{} failed, the last of them: {}\n", failed, last_failure);
  return out;
}

}  // namespace millrace::simulator
