#pragma once

#include <boost/asio/buffer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "connection.hpp"
#include "http/stream.hpp"
#include "websocket_reader.hpp"

namespace millrace::http::internal {

class Loop;

/// A connection whose answer is a stream. Holds no buffer for input: an idle one costs
/// little more than its descriptor. Owned as a Session is.
class StreamSession : public Connection,
                      public std::enable_shared_from_this<StreamSession> {
 public:
  /// `first`: what goes out before all else, the head; `unread`: what the client sent
  /// behind its request.
  StreamSession(Socket socket, Loop& loop, std::uint32_t slot, std::uint64_t serial,
                std::shared_ptr<Stream> stream, std::string first, std::string unread);

  void Start() override;
  void Deliver(std::uint64_t serial, Content&& content) override;
  void Drain() override;
  void Close() override;
  void OnTimeout() override;

 private:
  void Flush();
  void AddClose();
  void StartWrite();
  void OnWritten(const boost::system::error_code& failed, std::size_t bytes);
  void WaitForInput();
  void OnInput(const boost::system::error_code& failed);
  void Understand(std::string_view bytes);
  void BeginClosing();
  void StartLinger();
  void LeaveActive();
  void SetDeadline(Steady::time_point at);

  Socket socket_;
  Loop& loop_;
  const std::uint64_t serial_;
  const std::shared_ptr<Stream> stream_;
  std::unique_ptr<WebSocketReader> reader_;  ///< null: server-sent events
  std::string unread_;

  std::vector<SharedBytes> writing_;
  /// Of them, what one write takes; asio keeps no copy.
  std::vector<boost::asio::const_buffer> pieces_;
  std::size_t index_ = 0;   ///< of the piece that is being written
  std::size_t offset_ = 0;  ///< within it
  std::size_t own_ = 0;     ///< leading pieces that did not come from the stream
  std::string control_;     ///< frames of our own that go out next
  bool write_pending_ = false;
  bool closing_ = false;
  bool close_sent_ = false;
  bool lingering_ = false;
  bool closed_ = false;
  bool active_ = true;
};

}  // namespace millrace::http::internal
