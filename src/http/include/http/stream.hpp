#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/router.hpp"

namespace millrace::http {

/// Bytes that many connections may be sending at a time.
using SharedBytes = std::shared_ptr<const std::string>;

struct StreamOptions {
  /// The head came from AcceptWebSocket: bytes are whole frames (AppendWebSocketText);
  /// the connection itself answers pings and closes, and what the client says is dropped.
  bool websocket = false;
  /// Bytes that wait for the client at which Send refuses more.
  std::size_t buffer = 1u << 20u;
  /// After so long without output a sign of life goes out: these bytes, or a WebSocket
  /// ping (then they are only asked for). Null bytes: nothing this time.
  std::chrono::milliseconds heartbeat{15'000};
  std::function<SharedBytes()> heartbeat_bytes{};
  /// Everything that was sent is on its way: there is room again.
  std::function<void()> on_drained{};
  /// The connection is gone; once. Also for a stream that never got its head out.
  std::function<void()> on_closed{};
};

/// An answer without an end: bytes go out as they are sent, until one side closes. Made
/// by Responder::Open. Any thread; never blocks. The callbacks run on the server's thread
/// and must not block; none runs once the server is gone. May outlive the connection and
/// the server: what is sent is then dropped.
class Stream {
 public:
  Stream(StreamOptions options, std::shared_ptr<internal::Mailbox> mailbox,
         internal::Ticket ticket);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Queues bytes to be sent. False, with nothing queued: the connection is gone, or
  /// `buffer` bytes wait already. One piece may go beyond that.
  bool Send(SharedBytes bytes);
  /// Bytes that were sent and are not with the client's kernel yet, nearly.
  std::size_t unsent() const;
  /// Ends the stream after what was sent; a client that does not take it is cut.
  void Close();
  /// Ends it now; what waits is dropped.
  void Cut();

  // For the server's thread.
  enum class End { kNone, kClose, kCut };
  /// Takes what waits; says whether the stream is to end after it.
  End Take(std::vector<SharedBytes>& into);
  void Written(std::size_t bytes);
  bool cut() const;
  /// No more is taken; calls on_closed the first time.
  void MarkClosed();
  const StreamOptions& options() const { return options_; }

 private:
  void Finish(End end);
  void Poke(std::unique_lock<std::mutex>& lock);

  const StreamOptions options_;
  const std::shared_ptr<internal::Mailbox> mailbox_;
  const internal::Ticket ticket_;

  mutable std::mutex mutex_;
  std::vector<SharedBytes> queue_;
  std::size_t unsent_ = 0;
  bool poked_ = false;  ///< the server's thread will look
  bool closed_ = false;
  End end_ = End::kNone;
};

}  // namespace millrace::http
