#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "http/router.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::http {

/// One place to listen at, with its own routes.
struct Listener {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6 literal, or "localhost"
  std::uint16_t port = 0;             ///< 0: the system picks one
  /// Not empty: a Unix socket there instead, mode 0600; the path may have any length. A
  /// socket file that is in the way is replaced: hold the directory's lock.
  std::filesystem::path unix_socket{};
  Router router{};
};

struct ServerLimits {
  std::size_t header_bytes = 16u << 10u;  ///< request line and headers; more is 431
  std::size_t output_bytes = 1u << 20u;   ///< unsent answers at which reading stops
  std::size_t connections = 4096;         ///< more wait in the kernel's queue
  std::chrono::milliseconds header_timeout{10'000};  ///< first byte to whole header: 408
  std::chrono::milliseconds body_timeout{60'000};    ///< whole header to whole body: 408
  std::chrono::milliseconds idle_timeout{75'000};    ///< between requests: closed
  std::chrono::milliseconds write_timeout{60'000};   ///< one write to a stuck client
};

struct ServerOptions {
  std::vector<Listener> listeners{};
  ServerLimits limits{};
  /// JSON and text of 1 KiB and more go out compressed where the client takes gzip. Not
  /// with an ETag, which names the bytes of the plain form; nor problems and streams.
  bool gzip = false;
};

/// HTTP/1.1 server: one thread runs all connections and all handlers. Answers go out in
/// the order of the requests of a connection; pipelined requests share one write.
class Server {
 public:
  /// Listens and serves when this returns. `registry` and `log` outlive the server.
  /// Errors: kInvalidArgument (bad address), kConflict (address in use), kUnavailable.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options,
                                               telemetry::Registry& registry,
                                               telemetry::Logger& log);
  /// Closes at once; outstanding answers are dropped. Not from a handler.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The TCP port of a listener, 0 for a Unix socket. Any thread.
  std::uint16_t port(std::size_t listener = 0) const;
  /// No new connections from here on; those that exist go on. Any thread, any number of
  /// times.
  void StopAccepting();
  /// StopAccepting, closes idle connections, lets each other one finish its outstanding
  /// request (answered with Connection: close). True when all are gone by the deadline.
  /// Any thread but the handlers'.
  bool Drain(Deadline deadline);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::http
