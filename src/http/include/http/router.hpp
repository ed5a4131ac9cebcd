#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/gate.hpp"
#include "http/message.hpp"

namespace millrace::http {

class Stream;
struct StreamOptions;

namespace internal {
class Mailbox;
class RouteTable;
/// Names one outstanding request of a server: a slot is used again, a serial never.
struct Ticket {
  std::uint32_t slot = 0;
  std::uint64_t serial = 0;
  enum class Coding : std::uint8_t { kOff, kPlain, kGzip } coding = Coding::kOff;
};
}  // namespace internal

class Responder;
/// Gets an answer in place of its sending, with what sends it on: at once, later, or
/// another one. On the thread that answers.
using AnswerHook = std::move_only_function<void(Response, Responder)>;

/// The right to answer one request, once, from any thread, now or later. Destroyed
/// without an answer, it answers 500. May outlive the connection and the server: the
/// answer is then dropped. Many answers sent at nearly the same time wake the server's
/// thread once.
class Responder {
 public:
  Responder(std::shared_ptr<internal::Mailbox> mailbox, internal::Ticket ticket);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  /// Gives the answer; a second call does nothing.
  void Send(Response response);
  /// Answers with a stream (http/stream.hpp): `head` has no body. Null after an answer.
  std::shared_ptr<Stream> Open(Response head, StreamOptions options);
  /// `hook` gets the answer of this responder, also a dropped one's 500; not a stream.
  void Intercept(AnswerHook hook);

 private:
  std::shared_ptr<internal::Mailbox>
      mailbox_;  ///< null once answered; server owns it too
  internal::Ticket ticket_;
  std::unique_ptr<AnswerHook> hook_;  ///< null: none
};

/// Runs on the server's only thread and must not block: work that waits is handed to
/// another thread together with the responder.
using Handler = std::function<void(const Request&, Responder)>;

/// What the server itself refuses: no such route (404, 405), not HTTP as it should be.
struct Refused {
  int status = 0;
  std::string_view code;    ///< "not_found", "method_not_allowed", "invalid_argument", …
  std::string_view detail;  ///< for people
  Method method = Method::kOther;  ///< kOther and empty views: there was no whole request
  std::string_view path;
  std::string_view query;
  std::string_view request_id;
};
/// Runs on the server's thread; must not block.
using RefusalWriter = std::function<Response(const Refused&)>;

/// What a router may put around a handler as it is added; gives the handler in its place.
using HandlerWrapper =
    std::function<Handler(Method method, std::string_view pattern, Handler handler)>;

struct RouteOptions {
  std::uint64_t body_limit = 8u << 20u;  ///< bytes; more is answered 413
};

/// Routes by method and path. Build it, then move it into a listener.
class Router {
 public:
  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// `pattern`: "/api/collections/{collection}/records/{key}"; a parameter stands for one
  /// non-empty segment. A literal
  /// wins over a parameter, among the routes that take the method. GET routes answer HEAD
  /// too. Unknown paths are answered 404, known ones with another method 405 with Allow,
  /// and OPTIONS 204 with Allow. A malformed pattern or a repeated route ends the
  /// process. `name` is the metrics label `route`; the pattern when empty.
  void Add(Method method, std::string pattern, Handler handler, RouteOptions options = {},
           std::string name = {});

  /// Around each handler that is added from here on.
  void SetWrapper(HandlerWrapper wrapper);

  /// Looks at every request of this router first.
  void SetGate(std::shared_ptr<Gate> gate);
  /// The form of what the server itself refuses; problem+json without it.
  void SetRefusalWriter(RefusalWriter writer);

  internal::RouteTable& table() { return *table_; }

 private:
  std::unique_ptr<internal::RouteTable> table_;
  HandlerWrapper wrapper_;
};

}  // namespace millrace::http
