#include "http/client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "ascii.hpp"
#include "base/json.hpp"
#include "response_parser.hpp"
#include "socket.hpp"

namespace millrace::http {

std::string_view ClientResponse::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

namespace {

using internal::OwnedFd;
using internal::ResponseParser;
using internal::WaitFor;

/// Where an exchange broke off decides whether it may be repeated.
enum class Broken {
  kBeforeAnswer,  ///< the connection ended without one byte of an answer
  kLater,
};
struct Failure {
  Error error;
  Broken where;
};

Failure LaterFailure(Error error) { return {std::move(error), Broken::kLater}; }

bool HasHeader(const Client::Headers& headers, std::string_view lower_case_name) {
  return std::ranges::any_of(headers, [&](const auto& header) {
    return EqualsLowerCase(header.first, lower_case_name);
  });
}

bool IsRepeatable(Method method, const Client::Headers& headers) {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
    case Method::kPut:
    case Method::kDelete:
    case Method::kOptions:
      return true;
    case Method::kPost:
    case Method::kPatch:
    case Method::kOther:
      return HasHeader(headers, "idempotency-key");
  }
  return false;
}

Status CheckRequest(std::string_view target, const Client::Headers& headers) {
  const auto is_bad = [](char c) { return IsControl(c) || c == ' '; };
  if (target.empty() || target.front() != '/' || std::ranges::any_of(target, is_bad)) {
    return Fail(ErrorCode::kInvalidArgument, "the target is not a path");
  }
  for (const auto& [name, value] : headers) {
    if (name.empty() || std::ranges::any_of(name, is_bad) ||
        name.find(':') != std::string::npos || std::ranges::any_of(value, IsControl)) {
      return Fail(ErrorCode::kInvalidArgument, "a header is malformed: " + name);
    }
  }
  return {};
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientOptions options) : options_(std::move(options)) {
    const bool is_v6 = options_.host.find(':') != std::string::npos;
    const auto name = is_v6 ? fmt::format("[{}]", options_.host) : options_.host;
    host_ = options_.unix_socket.empty() ? fmt::format("{}:{}", name, options_.port)
                                         : std::string("localhost");
  }

  Status Connect(Deadline deadline) {
    MR_TRY(fd_, options_.unix_socket.empty()
                    ? internal::ConnectTcp(options_.host, options_.port, deadline)
                    : internal::ConnectUnix(options_.unix_socket, deadline));
    return {};
  }

  Result<ClientResponse> Send(Method method, std::string_view target,
                              std::string_view body, const Headers& headers,
                              Deadline deadline) {
    MR_CHECK_OK(CheckRequest(target, headers));
    WriteRequest(method, target, body, headers);
    for (bool repeated = false;; repeated = true) {
      const bool reused = IsAlive();
      if (!reused) MR_CHECK_OK(Connect(deadline));
      auto answer = Exchange(method, deadline);
      if (answer) return std::move(*answer);
      fd_.Reset();
      const bool may_repeat = reused && !repeated && IsRepeatable(method, headers) &&
                              answer.error().where == Broken::kBeforeAnswer;
      if (!may_repeat) return Fail(std::move(answer).error().error);
    }
  }

 private:
  /// False when the server closed the connection, or sent something nobody asked for.
  bool IsAlive() const {
    if (!fd_.is_open()) return false;
    char byte = 0;
    const auto got = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void WriteRequest(Method method, std::string_view target, std::string_view body,
                    const Headers& headers) {
    request_.clear();
    fmt::format_to(std::back_inserter(request_), "{} {} HTTP/1.1\r\nHost: {}\r\n",
                   ToString(method), target, host_);
    for (const auto* list : {&options_.headers, &headers}) {
      for (const auto& [name, value] : *list)
        fmt::format_to(std::back_inserter(request_), "{}: {}\r\n", name, value);
    }
    const bool sends_body = method == Method::kPost || method == Method::kPut ||
                            method == Method::kPatch || !body.empty();
    if (sends_body) {
      if (!HasHeader(headers, "content-type")) {
        request_ += "Content-Type: application/json\r\n";
      }
      fmt::format_to(std::back_inserter(request_), "Content-Length: {}\r\n", body.size());
    }
    request_ += "\r\n";
    request_ += body;
  }

  std::expected<ClientResponse, Failure> Exchange(Method method, Deadline deadline) {
    const auto sent = SendAll(deadline);
    // A server may answer 413 and stop reading: look for an answer all the same.
    if (!sent && sent.error().code() == ErrorCode::kDeadlineExceeded) {
      return std::unexpected(LaterFailure(sent.error()));
    }
    return ReadAnswer(method, deadline);
  }

  /// kUnavailable: the connection broke.
  Status SendAll(Deadline deadline) {
    std::string_view rest = request_;
    while (!rest.empty()) {
      const auto sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        MR_CHECK_OK(WaitFor(fd_.get(), POLLOUT, deadline));
      } else if (errno != EINTR) {
        return Fail(ErrorCode::kUnavailable, std::generic_category().message(errno));
      }
    }
    return {};
  }

  std::expected<ClientResponse, Failure> ReadAnswer(Method method, Deadline deadline) {
    ResponseParser parser(method == Method::kHead, options_.body_limit);
    bool got_some = false;
    while (!parser.done()) {
      if (auto waited = WaitFor(fd_.get(), POLLIN, deadline); !waited) {
        return std::unexpected(LaterFailure(std::move(waited).error()));
      }
      const auto space = parser.Space();
      const auto got = ::recv(fd_.get(), space.data(), space.size(), 0);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0 && (got < 0 || !parser.FinishAtEnd())) {
        return std::unexpected(
            Failure{Error(ErrorCode::kDeadlineExceeded,
                          "the server closed the connection before its answer was whole"),
                    got_some ? Broken::kLater : Broken::kBeforeAnswer});
      }
      if (got == 0) break;
      got_some = true;
      if (auto parsed = parser.Commit(static_cast<std::size_t>(got)); !parsed) {
        return std::unexpected(LaterFailure(std::move(parsed).error()));
      }
    }
    if (!parser.keep_alive()) fd_.Reset();
    return parser.TakeResponse();
  }

  const ClientOptions options_;
  std::string host_;
  OwnedFd fd_;
  std::string request_;  ///< reused
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::Connect(ClientOptions options, Deadline deadline) {
  auto impl = std::make_unique<Impl>(std::move(options));
  MR_CHECK_OK(impl->Connect(deadline));
  return Client(std::move(impl));
}

Result<ClientResponse> Client::Send(Method method, std::string_view target,
                                    std::string_view body, const Headers& headers,
                                    Deadline deadline) {
  return impl_->Send(method, target, body, headers, deadline);
}

}  // namespace millrace::http
