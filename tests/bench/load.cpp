// HTTP load from one thread over keep-alive connections, without pipelining. Closed loop:
// each connection sends its next request when the answer is there. Open loop (--rate): a
// request has a time at which it is meant to be sent, and its latency counts from then,
// so that a stall of the server is seen by every request that had to wait.
//
//   load --port P --method POST --path /x --body TEMPLATE [--batch 100]
//        [--connections 64] [--seconds 10 | --requests N] [--rate R] [--first N] [--keys
//        K] [--tokens FILE]
//
// `{n}` in path and body is the running number with 10 digits (--keys: one of so many,
// scattered), `{m}` five digits made of it. --batch sends an array of so many bodies.
// --tokens: a file of bearer tokens of one length, of which each request has the next.
// Prints one line of JSON.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cpu_seconds.hpp"
#include "load_request.hpp"

namespace {

using millrace::bench::Options;
using millrace::bench::Template;
using Steady = std::chrono::steady_clock;
using Nanos = std::chrono::nanoseconds;

[[noreturn]] void Die(std::string_view what) {
  fmt::print(stderr, "load: {}{}{}\n", what, errno != 0 ? ": " : "",
             errno != 0 ? std::strerror(errno) : "");
  std::exit(1);
}

struct Connection {
  int fd = -1;
  std::string request, answer;
  std::size_t sent = 0;
  bool busy = false;
  Steady::time_point meant;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), template_(options) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    connections_.resize(options.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].request = template_.text();
      Connect(i);
      idle_.push_back(i);
    }
  }

  void Run() {
    start_ = Steady::now();
    end_ = start_ + std::chrono::duration_cast<Nanos>(
                        std::chrono::duration<double>(options_.seconds));
    std::array<epoll_event, 256> events;
    while (SendDue() || open_ > 0) {
      const auto wait = NextWait();
      const timespec timeout{wait.count() / 1'000'000'000, wait.count() % 1'000'000'000};
      const int got = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()),
                                   &timeout, nullptr);
      if (got < 0 && errno != EINTR) Die("epoll");
      for (int i = 0; i < got; ++i) Serve(events[static_cast<std::size_t>(i)]);
    }
    seconds_ = std::chrono::duration<double>(Steady::now() - start_).count();
  }

  void Print() {
    const double cpu = CpuSeconds();
    std::ranges::sort(latencies_);
    const auto done = latencies_.size();
    const auto at = [&](double share) {
      if (done == 0) return 0.0;
      const auto index = static_cast<std::size_t>(static_cast<double>(done) * share);
      return static_cast<double>(latencies_[std::min(index, done - 1)]) / 1000;
    };
    std::string statuses;
    for (const auto& [status, count] : statuses_) {
      statuses += fmt::format("{}\"{}\":{}", statuses.empty() ? "" : ",", status, count);
    }
    fmt::print(
        R"({{"requests":{},"errors":{},"records":{},"seconds":{:.6f},"per_s":{:.1f},)"
        R"("load_cpu_s":{:.3f},"p50_us":{:.1f},"p99_us":{:.1f},"p999_us":{:.1f},)"
        R"("max_us":{:.1f},"statuses":{{{}}},"first_error":"{}"}})"
        "\n",
        done, errors_, done * options_.batch, seconds_,
        static_cast<double>(done) / seconds_, cpu, at(0.5), at(0.99), at(0.999), at(1),
        statuses, first_error_);
  }

 private:
  void Connect(std::size_t index) {
    auto& connection = connections_[index];
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) !=
        0) {
      Die(fmt::format("connect to port {}", options_.port));
    }
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection.fd, F_SETFL, O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) Die("epoll_ctl");
  }

  Steady::time_point MeantAt(std::uint64_t number) const {
    return start_ + Nanos(static_cast<std::int64_t>(static_cast<double>(number) * 1e9 /
                                                    options_.rate));
  }

  /// Sends what is due and has a free connection; false when nothing is left to send.
  bool SendDue() {
    while (started_ < options_.requests) {
      const auto now = Steady::now();
      const auto meant = options_.rate > 0 ? MeantAt(started_) : now;
      if (meant >= end_) return false;
      if (meant > now || idle_.empty()) return true;
      const auto index = idle_.front();
      idle_.pop_front();
      auto& connection = connections_[index];
      template_.Fill(connection.request);
      connection.sent = 0;
      connection.answer.clear();
      connection.busy = true;
      connection.meant = meant;
      ++started_;
      ++open_;
      Write(index);
    }
    return false;
  }

  Nanos NextWait() const {
    if (options_.rate <= 0 || idle_.empty()) return std::chrono::seconds(1);
    const auto wait =
        std::chrono::duration_cast<Nanos>(MeantAt(started_) - Steady::now());
    return std::clamp<Nanos>(wait, Nanos(0), std::chrono::seconds(1));
  }

  void Write(std::size_t index) {
    auto& connection = connections_[index];
    while (connection.sent < connection.request.size()) {
      const auto wrote = send(connection.fd, connection.request.data() + connection.sent,
                              connection.request.size() - connection.sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno == EAGAIN) return Watch(index, EPOLLIN | EPOLLOUT);
      if (wrote < 0) return Broken(index, std::strerror(errno));
      connection.sent += static_cast<std::size_t>(wrote);
    }
  }

  void Watch(std::size_t index, std::uint32_t what) {
    epoll_event event{.events = what, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connections_[index].fd, &event);
  }

  void Serve(const epoll_event& event) {
    const auto index = static_cast<std::size_t>(event.data.u64);
    if ((event.events & EPOLLOUT) != 0) {
      Watch(index, EPOLLIN);
      Write(index);
    }
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    auto& connection = connections_[index];
    std::array<char, 65536> buffer;
    const auto got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return Broken(index, "connection closed");
    connection.answer.append(buffer.data(), static_cast<std::size_t>(got));
    if (IsWhole(connection.answer)) Done(index);
  }

  static bool IsWhole(std::string_view answer) {
    const auto end = answer.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    std::size_t length = 0;
    for (auto at = answer.find("\r\n"); at < end; at = answer.find("\r\n", at + 2)) {
      auto line = answer.substr(at + 2, 64);
      constexpr std::string_view kName = "content-length:";
      if (line.size() < kName.size() ||
          strncasecmp(line.data(), kName.data(), kName.size()) != 0) {
        continue;
      }
      line.remove_prefix(kName.size());
      while (line.starts_with(' ')) line.remove_prefix(1);
      std::from_chars(line.data(), line.data() + line.size(), length);
    }
    return answer.size() >= end + 4 + length;
  }

  void Done(std::size_t index) {
    auto& connection = connections_[index];
    const auto took = Steady::now() - connection.meant;
    latencies_.push_back(std::chrono::duration_cast<Nanos>(took).count());
    const auto status = connection.answer.substr(9, 3);
    ++statuses_[status];
    if (!status.starts_with('2')) Count(connection.answer);
    Free(index);
  }

  void Broken(std::size_t index, std::string_view why) {
    close(connections_[index].fd);
    Connect(index);
    if (!connections_[index].busy) return;
    Count(why);
    Free(index);
  }

  void Free(std::size_t index) {
    connections_[index].busy = false;
    idle_.push_back(index);
    --open_;
  }

  void Count(std::string_view why) {
    if (errors_++ > 0) return;
    for (const char c : why.substr(0, 600)) {
      first_error_ += c < ' ' || c == '"' || c == '\\' ? ' ' : c;
    }
  }

  const Options& options_;
  Template template_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;
  Steady::time_point start_, end_;
  std::uint64_t started_ = 0, open_ = 0, errors_ = 0;
  std::vector<std::int64_t> latencies_;
  std::map<std::string, std::uint64_t> statuses_;
  std::string first_error_;
  double seconds_ = 0;
};

std::vector<std::string> ReadTokens(const std::string& path) {
  std::vector<std::string> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) out.push_back(line);
  if (out.empty()) Die("no tokens in " + path);
  if (std::ranges::any_of(
          out, [&](const auto& token) { return token.size() != out.front().size(); })) {
    Die("tokens of more than one length in " + path);
  }
  return out;
}

Options ParseArguments(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  if (argc % 2 == 0 || !given.contains("--port")) Die("see the head of load.cpp");
  Options options;
  const auto take = [&](const char* name, auto& into) {
    const auto at = given.find(name);
    if (at == given.end()) return;
    if constexpr (std::is_same_v<std::decay_t<decltype(into)>, std::string>) {
      into = at->second;
    } else {
      into = static_cast<std::decay_t<decltype(into)>>(
          std::strtod(at->second.c_str(), nullptr));
    }
    given.erase(at);
  };
  take("--port", options.port);
  take("--connections", options.connections);
  if (given.contains("--requests")) options.seconds = 3600;
  take("--seconds", options.seconds);
  take("--requests", options.requests);
  take("--rate", options.rate);
  take("--method", options.method);
  take("--path", options.path);
  take("--body", options.body);
  take("--batch", options.batch);
  take("--first", options.first);
  take("--keys", options.keys);
  std::string tokens;
  take("--tokens", tokens);
  if (!tokens.empty()) options.tokens = ReadTokens(tokens);
  if (!given.empty()) Die("unknown argument " + given.begin()->first);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = ParseArguments(argc, argv);
  Load load(options);
  load.Run();
  load.Print();
  return 0;
}
