#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::rpc {

namespace internal {
class Outbox;
}  // namespace internal

/// The right to answer one message, once, from any thread, now or later. Destroyed
/// without an answer, it answers an error. May outlive the connection and the server: the
/// answer is then dropped, as is every answer to an event.
class Responder {
 public:
  /// `id`: of the message, as JSON; empty for an event.
  Responder(std::shared_ptr<internal::Outbox> outbox, std::uint64_t connection,
            std::string id);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  /// `json`: any JSON value. A second answer does nothing.
  void Send(std::string_view json);
  /// `err`: a JSON object or string, which the client's call fails with.
  void SendError(std::string_view err);

 private:
  void Post(std::string packet);

  std::shared_ptr<internal::Outbox> outbox_;  ///< null once answered
  std::uint64_t connection_ = 0;
  std::string id_;
};

/// Called with the message's data (JSON; empty where it has none) on the server's only
/// thread: must not block. Work that waits is handed on together with the responder.
using Handler = std::function<void(std::string data, Responder)>;
/// By pattern: CommandPattern("auth_login"), or a bare text.
using Handlers = std::map<std::string, Handler, std::less<>>;

/// {"cmd":"<name>"}: the usual pattern of a message.
std::string CommandPattern(std::string_view name);

struct ServerOptions {
  std::string address = "127.0.0.1";        ///< IPv4 or IPv6 literal, or "localhost"
  std::uint16_t port = 0;                   ///< 0: the system picks one
  std::size_t max_frame_units = 1u << 20u;  ///< UTF-16 units of a message from a client
  std::size_t connections = 1024;           ///< more wait in the kernel's queue
  std::size_t in_flight = 256;              ///< unanswered messages of a connection
  std::size_t output_bytes = 4u << 20u;     ///< unsent answers at which reading stops
  /// Not empty: messages without it are refused (events dropped), with an error of status
  /// 503. NestJS's own client sends none.
  std::string service_token;
};

/// Speaks NestJS's TCP transport: an unmodified NestJS client gets its answers. One
/// thread runs all connections and handlers; answers go out as they come, in any order. A
/// frame that is none (no length, too long, no JSON) ends its connection, and what that
/// connection asked is not answered.
class Server {
 public:
  /// Listens and serves when this returns. `log` outlives the server. Errors:
  /// kInvalidArgument (bad address), kConflict (address in use), kUnavailable.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, Handlers handlers,
                                               telemetry::Logger& log);
  /// Closes at once; outstanding answers are dropped. Not from a handler.
  ~Server();

  std::uint16_t port() const;
  /// No new connections and messages; true when all answers that were outstanding have
  /// been sent by the deadline. Any thread but the handlers'.
  bool Drain(Deadline deadline);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::rpc
