#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "http/client.hpp"
#include "http/server.hpp"
#include "socket.hpp"

namespace millrace::http {

/// Long enough never to matter unless something hangs.
inline Deadline TestDeadline() { return Deadline::After(std::chrono::seconds(30)); }

/// A connection that sends what it is told, HTTP or not.
class RawConnection {
 public:
  explicit RawConnection(internal::OwnedFd fd) : fd_(std::move(fd)) {}
  static RawConnection To(std::uint16_t port) {
    return RawConnection(*internal::ConnectTcp("127.0.0.1", port, TestDeadline()));
  }

  /// What the server does not take any more is dropped.
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EAGAIN) {
        return;
      } else {
        ASSERT_TRUE(internal::WaitFor(fd_.get(), POLLOUT, TestDeadline()));
      }
    }
  }
  void FinishSending() { ::shutdown(fd_.get(), SHUT_WR); }

  /// Everything until the server closes.
  std::string ReadToEnd() {
    while (ReadSome()) {
    }
    return std::exchange(received_, {});
  }
  /// Everything up to the `count`-th occurrence of `mark`, which is included.
  std::string ReadUntil(std::string_view mark, int count = 1) {
    std::size_t at = 0;
    for (int found = 0; found < count;) {
      const auto next = received_.find(mark, at);
      if (next != std::string::npos) {
        at = next + mark.size();
        ++found;
      } else if (!ReadSome()) {
        ADD_FAILURE() << "closed before " << mark << " number " << found + 1;
        return received_;
      }
    }
    std::string out = received_.substr(0, at);
    received_.erase(0, at);
    return out;
  }

 private:
  bool ReadSome() {
    if (!internal::WaitFor(fd_.get(), POLLIN, TestDeadline())) {
      ADD_FAILURE() << "the server neither answers nor closes";
      return false;
    }
    char buffer[65536];
    const auto got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  internal::OwnedFd fd_;
  std::string received_;
};

/// A whole GET request; `headers` are lines with their line ends.
inline std::string Get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) +
         "\r\n";
}

/// Keeps the responders of requests that are to be answered later.
class HeldRequests {
 public:
  void Hold(std::string name, Responder responder) {
    const std::scoped_lock lock(mutex_);
    held_.emplace_back(std::move(name), std::move(responder));
    changed_.notify_all();
  }
  /// Waits until `count` are held and takes them.
  std::vector<std::pair<std::string, Responder>> Take(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_until(lock, TestDeadline().at(),
                                    [&] { return held_.size() >= count; }));
    return std::exchange(held_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::string, Responder>> held_;
};

inline Response TextResponse(std::string body, int status = 200) {
  return {.status = status, .content_type = "text/plain", .body = std::move(body)};
}

/// A server with these routes: GET /static "hello"; POST /echo gives the body back (limit
/// 1 MiB); POST /small has a limit of 10 bytes; GET and POST /held/{name} wait for the
/// test.
class ServerTest : public testing::Test {
 protected:
  Router MakeRouter() {
    Router router;
    router.Add(Method::kGet, "/static", [](const Request&, Responder responder) {
      responder.Send(TextResponse("hello"));
    });
    const auto echo = [](const Request& request, Responder responder) {
      responder.Send(TextResponse(std::string(request.body)));
    };
    router.Add(Method::kPost, "/echo", echo, {.body_limit = 1u << 20u});
    router.Add(Method::kPost, "/small", echo, {.body_limit = 10});
    const auto hold = [this](const Request& request, Responder responder) {
      held_.Hold(std::string(request.Param("name")), std::move(responder));
    };
    router.Add(Method::kGet, "/held/{name}", hold, {}, "held");
    router.Add(Method::kPost, "/held/{name}", hold, {}, "held");
    return router;
  }

  void Start(ServerOptions options) {
    auto server = Server::Start(std::move(options), registry_, log_);
    ASSERT_TRUE(server) << server.error().ToString();
    server_ = std::move(*server);
  }
  void Start(Router router, ServerLimits limits = {}) {
    ServerOptions options;
    options.listeners.push_back({.router = std::move(router)});
    options.limits = limits;
    Start(std::move(options));
  }
  void Start(ServerLimits limits = {}) { Start(MakeRouter(), limits); }

  RawConnection Connect() { return RawConnection::To(server_->port()); }
  Client MakeClient() {
    return std::move(*Client::Connect({.port = server_->port()}, TestDeadline()));
  }
  /// The value of a series in the exposition, "" if absent.
  std::string Metric(const std::string& series) {
    const auto text = registry_.Render();
    const auto at = text.find("\n" + series + " ");
    if (at == std::string::npos) return {};
    const auto begin = at + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  telemetry::Registry registry_;
  telemetry::Logger log_{{.level = telemetry::Level::kError}};
  HeldRequests held_;
  std::unique_ptr<Server> server_;
};

}  // namespace millrace::http
