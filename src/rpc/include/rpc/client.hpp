#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "telemetry/log.hpp"

namespace millrace::rpc {

struct ClientOptions {
  std::string host = "localhost";
  std::uint16_t port = 0;
  std::size_t connections = 2;
  std::size_t max_frame_units = 64u << 20u;  ///< UTF-16 units of an answer
  std::size_t in_flight = 4096;              ///< calls under way, all connections
  std::chrono::milliseconds connect_timeout{2'000};
  /// Between attempts to connect, doubling from one to the other.
  std::chrono::milliseconds backoff_min{50}, backoff_max{1'000};
  /// Sent with each call where it is not empty.
  std::string service_token;
  /// So many calls in a row without an answer open the circuit.
  std::size_t timeouts_to_open = 5;
};

/// What the other side said.
struct Answer {
  bool failed = false;  ///< `json` is the error that the handler there gave
  std::string json;     ///< "null" where there was none
};

/// Client of one server that speaks NestJS's TCP transport. Few connections carry many
/// calls at a time. A connection that is lost is opened again by itself, with growing
/// pauses; while that fails, and while the server takes calls but answers none, calls
/// fail at once (one at a time is let through to try). Any thread may call.
class Client {
 public:
  using Callback = std::move_only_function<void(Result<Answer>)>;

  /// Begins to connect; never fails. `log` outlives the client.
  Client(ClientOptions options, telemetry::Logger& log);
  /// What is under way ends with kUnavailable.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// `pattern` and `data` are JSON. `done` runs exactly once, on the client's thread, and
  /// must not block. Errors: kUnavailable (nothing was sent: nobody there, circuit open,
  /// too much under way), kDeadlineExceeded ("Timeout has occurred", or the connection
  /// broke: outcome unknown).
  void Call(std::string_view pattern, std::string_view data, Deadline deadline,
            Callback done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::rpc
