// Live subscribers from one thread: how long after its commit (`_updated_at`) a change is
// there.
//
//   follow --port P --path /api/…/live [--connections 100] [--seconds 10]
//          [--tokens FILE] [--topic TOPIC]
//
// --tokens: a file of bearer tokens, one a connection, in turn. --topic: the server is a
// PocketBase, which is told with a second request what a connection subscribes to.
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
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
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
  std::string path = "/", topic;
  std::vector<std::string> tokens;
};

std::vector<std::string> ReadLines(const char* path) {
  std::vector<std::string> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) out.push_back(line);
  if (out.empty()) Die(path);
  return out;
}

Options Read(int count, char** arguments) {
  Options out;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    const char* value = arguments[i + 1];
    if (name == "--port") out.port = static_cast<std::uint16_t>(std::atoi(value));
    if (name == "--path") out.path = value;
    if (name == "--connections") out.connections = std::strtoull(value, nullptr, 10);
    if (name == "--seconds") out.seconds = std::atof(value);
    if (name == "--tokens") out.tokens = ReadLines(value);
    if (name == "--topic") out.topic = value;
  }
  return out;
}

struct Connection {
  int fd = -1;
  std::string rest;  ///< an unfinished message
};

/// Connected and asked, for the connection of this number.
int Ask(const Options& options, std::string_view line, std::size_t number,
        std::string_view body = "") {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    Die("connect");
  }
  auto request = fmt::format("{} HTTP/1.1\r\nHost: localhost\r\n", line);
  if (!options.tokens.empty()) {
    request += fmt::format("Authorization: Bearer {}\r\n",
                           options.tokens[number % options.tokens.size()]);
  }
  if (!body.empty()) {
    request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n",
                           body.size());
  }
  request += "\r\n";
  request += body;
  if (::send(fd, request.data(), request.size(), 0) < 0) Die("send");
  return fd;
}

/// What comes, to this mark and no further.
std::string Await(int fd, std::string_view mark) {
  std::string text;
  char c = 0;
  while (!text.ends_with(mark)) {
    if (::recv(fd, &c, 1, 0) != 1) Die("recv");
    text += c;
  }
  return text;
}

void AwaitHead(int fd) {
  const auto head = Await(fd, "\r\n\r\n");
  if (head.starts_with("HTTP/1.1 20")) return;
  fmt::print(stderr, "follow: {}\n", head);
  std::exit(1);
}

/// As a client of PocketBase: the first message of the connection has the id under which
/// a second request says the topic.
void Subscribe(const Options& options, int fd, std::size_t number) {
  constexpr std::string_view kName = "\"clientId\":\"";
  const auto hello = Await(fd, "\n\n");
  const auto at = hello.find(kName) + kName.size();
  const auto id = hello.substr(at, hello.find('"', at) - at);
  const auto body =
      fmt::format(R"({{"clientId":"{}","subscriptions":["{}"]}})", id, options.topic);
  const int asked = Ask(options, "POST " + options.path, number, body);
  AwaitHead(asked);
  ::close(asked);
}

std::int64_t NowUs() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

/// "2013-01-01T05:00:00.123456Z" of the member, or PocketBase's of its own
/// ("2013-01-01 05:00:00.123Z"); 0 if there is none.
std::int64_t UpdatedAtUs(std::string_view message) {
  std::size_t at = message.npos;
  for (const std::string_view name : {"\"_updated_at\":\"", "\"updated\":\""}) {
    at = message.find(name);
    if (at == message.npos) continue;
    at += name.size();
    break;
  }
  if (at == message.npos) return 0;
  std::string text(message.substr(at, 27));
  constexpr std::size_t kBetween = 10;  // date and time
  if (text.size() > kBetween) text[kBetween] = 'T';
  std::tm time{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr) return 0;
  std::int64_t micros = 0;
  if (*rest == '.') ++rest;
  for (int digit = 0; digit < 6; ++digit) {  // milliseconds, or finer
    micros *= 10;
    if (*rest >= '0' && *rest <= '9') micros += *rest++ - '0';
  }
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
      for (auto j = i; j < end; ++j) {
        connections_[j].fd = Ask(options, "GET " + options.path, j);
      }
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
    if (!options_.topic.empty()) Subscribe(options_, fd, number);
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
