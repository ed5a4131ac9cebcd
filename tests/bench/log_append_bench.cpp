#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog_embedded/embedded_event_log.hpp"

/// Durable appends in process against what the disk can do: a loop of write and fdatasync
/// with the same bytes of bodies. Prints one line of JSON.
///   log_append_bench [DIR] [ROUNDS] [APPENDS] [EVENT_BYTES]
namespace {

using namespace millrace;
namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

std::size_t event_bytes = 256;

[[noreturn]] void Die(std::string_view what) {
  fmt::print(stderr, "log_append_bench: {}\n", what);
  std::exit(1);
}

double Seconds(Steady::time_point since) {
  return std::chrono::duration<double>(Steady::now() - since).count();
}

/// Not to be compressed away by anything below.
std::string MakeBodies(std::size_t events) {
  std::string bytes(events * event_bytes, '\0');
  std::uint64_t state = 88172645463325252u;
  for (auto& c : bytes) {
    state ^= state << 13u;
    state ^= state >> 7u;
    state ^= state << 17u;
    c = static_cast<char>(state);
  }
  return bytes;
}

double BareSeconds(const fs::path& dir, std::string_view bytes, int appends) {
  const auto path = dir / "bare";
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || fsync(fd) != 0) Die("cannot create " + path.string());
  const auto begin = Steady::now();
  for (int i = 0; i < appends; ++i) {
    if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
        fdatasync(fd) != 0) {
      Die("write to " + path.string());
    }
  }
  const auto seconds = Seconds(begin);
  close(fd);
  fs::remove(path);
  return seconds;
}

double OurSeconds(const fs::path& dir, std::string_view bytes, int appends) {
  auto log = eventlog::OpenEmbedded({.directory = dir / "log"});
  if (!log) Die(log.error().ToString());
  eventlog::EventBatch batch{{"", "bench"}, "bench", {}, {}, {}};
  for (std::size_t at = 0; at < bytes.size(); at += event_bytes) {
    batch.bodies.push_back(bytes.substr(at, event_bytes));
  }
  // Beginning the stream is once in its life; the bare file exists as well.
  batch.upto = {0, 1};
  if (!(*log)->Append(batch, Deadline::Never())) Die("append");
  const auto begin = Steady::now();
  for (int i = 0; i < appends; ++i) {
    batch.after = batch.upto;
    ++batch.upto.low;
    if (!(*log)->Append(batch, Deadline::Never())) Die("append");
  }
  const auto seconds = Seconds(begin);
  log->reset();
  fs::remove_all(dir / "log");
  return seconds;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::string Measure(const fs::path& dir, std::size_t events, int rounds, int appends) {
  const auto bytes = MakeBodies(events);
  std::vector<double> bare;
  std::vector<double> ours;
  std::vector<double> ratio;
  for (int round = 0; round < rounds; ++round) {
    const bool bare_first = round % 2 == 0;
    if (bare_first) bare.push_back(BareSeconds(dir, bytes, appends));
    ours.push_back(OurSeconds(dir, bytes, appends));
    if (!bare_first) bare.push_back(BareSeconds(dir, bytes, appends));
    ratio.push_back(bare.back() / ours.back());
  }
  const auto per_second = [&](double seconds) {
    return static_cast<double>(events) * appends / seconds;
  };
  return fmt::format(
      R"({{"batch":{},"event_bytes":{},"ours_events_s":{:.0f},"bare_events_s":{:.0f},)"
      R"("ratio":{:.3f},"bare_sync_us":{:.1f}}})",
      events, event_bytes, per_second(Median(ours)), per_second(Median(bare)),
      Median(ratio), Median(bare) / appends * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path dir = argc > 1 ? argv[1] : "/tmp/mr_log_append_bench";
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const int appends = argc > 3 ? std::atoi(argv[3]) : 300;
  if (argc > 4) event_bytes = static_cast<std::size_t>(std::atoi(argv[4]));
  if (rounds < 1 || appends < 1 || event_bytes < 1) {
    Die("usage: log_append_bench [DIR] [ROUNDS] [APPENDS] [EVENT_BYTES]");
  }
  fs::create_directories(dir);
  fmt::print("{{\"log_append\":[{},{}]}}\n", Measure(dir, 64, rounds, appends),
             Measure(dir, 1024, rounds, appends));
  return 0;
}
