#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "http/message.hpp"

namespace millrace::http {

struct ClientOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  /// Not empty: a Unix socket there instead; the path may have any length.
  std::filesystem::path unix_socket{};
  std::uint64_t body_limit = 256u << 20u;  ///< bytes of an answer; more is kTooLarge
  std::vector<std::pair<std::string, std::string>> headers{};  ///< of every request
};

struct ClientResponse {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case

  /// First header of that name, or empty.
  std::string_view Header(std::string_view lower_case_name) const;
};

/// Blocking HTTP/1.1 client of one server over one kept-alive connection. One thread at a
/// time. Any status is a result, not an error.
class Client {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// kUnavailable (nobody listens), kDeadlineExceeded, kInvalidArgument (bad host).
  static Result<Client> Connect(ClientOptions options, Deadline deadline);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// Sends one request and waits for the whole answer. A connection that the server
  /// closed meanwhile is opened again, and what is safe to repeat is repeated once: GET,
  /// HEAD, PUT, DELETE, OPTIONS, and anything with an Idempotency-Key header. `body` is
  /// sent with Content-Type application/json unless `headers` has one. Errors:
  /// kUnavailable (nothing was sent: not reachable), kDeadlineExceeded (the time is over,
  /// or the connection broke: outcome unknown), kTooLarge (answer over the limit),
  /// kInvalidArgument (a target or header with blanks or control characters), kInternal
  /// (not HTTP). After any error the next call opens a new connection.
  Result<ClientResponse> Send(Method method, std::string_view target,
                              std::string_view body, const Headers& headers,
                              Deadline deadline);

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::http
