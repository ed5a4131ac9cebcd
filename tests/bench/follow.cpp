// Live subscribers from one thread: how long after its commit (`_updated_at`) a change is
// there.
//
//   follow --port P --path /api/…/live [--connections 100] [--seconds 10]
//
// Prints "following" when all are answered, and one line of JSON at the end.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "cpu_seconds.hpp"

namespace {

using Steady = std::chrono::steady_clock;

[[noreturn]] void Die(std::string_view what) {
  fmt::print(stderr, "follow: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

struct Options {
  std::uint16_t port = 0;
  std::size_t connections = 100;
  double seconds = 10;
  std::string path = "/";
};

Options Read(int count, char** arguments) {
  Options out;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    const char* value = arguments[i + 1];
    if (name == "--port") out.port = static_cast<std::uint16_t>(std::atoi(value));
    if (name == "--path") out.path = value;
    if (name == "--connections") out.connections = std::strtoull(value, nullptr, 10);
    if (name == "--seconds") out.seconds = std::atof(value);
  }
  return out;
}

struct Connection {
  int fd = -1;
  std::string rest;  ///< an unfinished message
};

/// Connected, asked, and answered.
int Open(const Options& options) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    Die("connect");
  }
  const auto request =
      fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", options.path);
  if (::send(fd, request.data(), request.size(), 0) < 0) Die("send");
  return fd;
}

/// Up to the end of the head, which has nothing behind it yet.
void AwaitHead(int fd) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (::recv(fd, &c, 1, 0) != 1) Die("recv");
    head += c;
  }
  if (!head.starts_with("HTTP/1.1 200")) {
    fmt::print(stderr, "follow: {}\n", head);
    std::exit(1);
  }
}

std::int64_t NowUs() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

/// "2013-01-01T05:00:00.123456Z" of the member; 0 if there is none.
std::int64_t UpdatedAtUs(std::string_view message) {
  constexpr std::string_view kName = "\"_updated_at\":\"";
  const auto at = message.find(kName);
  if (at == message.npos) return 0;
  const std::string text(message.substr(at + kName.size(), 27));
  std::tm time{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr) return 0;
  std::int64_t micros = 0;
  if (*rest == '.') std::from_chars(rest + 1, rest + 7, micros);
  return static_cast<std::int64_t>(::timegm(&time)) * 1'000'000 + micros;
}

class Follower {
 public:
  explicit Follower(const Options& options) : options_(options) {
    poll_ = ::epoll_create1(0);
    connections_.resize(options.connections);
    constexpr std::size_t kAtOnce = 200;  // no more than the queue of those that knock
    for (std::size_t i = 0; i < connections_.size(); i += kAtOnce) {
      const auto end = std::min(connections_.size(), i + kAtOnce);
      for (auto j = i; j < end; ++j) connections_[j].fd = Open(options);
      for (auto j = i; j < end; ++j) Watch(j);
    }
  }

  void Run() {
    const auto end = Steady::now() + std::chrono::duration<double>(options_.seconds);
    std::array<epoll_event, 256> events;
    while (Steady::now() < end) {
      const int ready = ::epoll_wait(poll_, events.data(), events.size(), 100);
      for (int i = 0; i < ready; ++i) {
        Receive(connections_[events[static_cast<std::size_t>(i)].data.u64]);
      }
    }
  }

  void Report() {
    std::ranges::sort(micros_);
    const auto at = [&](double share) {
      if (micros_.empty()) return std::int64_t{0};
      return micros_[std::min(
          micros_.size() - 1,
          static_cast<std::size_t>(static_cast<double>(micros_.size()) * share))];
    };
    fmt::print(
        R"({{"connections":{},"closed":{},"messages":{},"bytes":{},"p50_us":{},"p99_us":{},"max_us":{},"cpu_seconds":{:.3f}}})"
        "\n",
        connections_.size(), closed_, micros_.size(), bytes_, at(0.5), at(0.99), at(1),
        CpuSeconds());
  }

 private:
  void Watch(std::size_t number) {
    const int fd = connections_[number].fd;
    AwaitHead(fd);
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) Die("epoll_ctl");
  }

  void Receive(Connection& connection) {
    const auto got = ::recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0) return;
    if (got == 0) {
      ++closed_;
      ::close(connection.fd);
      return;
    }
    const auto now = NowUs();
    bytes_ += static_cast<std::uint64_t>(got);
    auto& rest = connection.rest;
    rest.append(buffer_.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (auto end = rest.find("\n\n"); end != rest.npos; end = rest.find("\n\n", begin)) {
      const auto at = UpdatedAtUs(std::string_view(rest).substr(begin, end - begin));
      if (at != 0) micros_.push_back(now - at);
      begin = end + 2;
    }
    rest.erase(0, begin);
  }

  const Options options_;
  int poll_ = -1;
  std::vector<Connection> connections_;
  std::vector<std::int64_t> micros_;
  std::array<char, 1u << 16u> buffer_{};
  std::uint64_t bytes_ = 0, closed_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  Follower follower(Read(count, arguments));
  fmt::print("following\n");
  std::fflush(stdout);
  follower.Run();
  follower.Report();
}
