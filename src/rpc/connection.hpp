#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "rpc/framing.hpp"

namespace millrace::rpc::internal {

using Tcp = boost::asio::ip::tcp;

/// One TCP connection that carries frames. The thread of its event loop only; its pending
/// operations own it, too.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Events {
    /// A frame came. An error ends the connection.
    std::function<Status(std::string_view json)> message;
    /// Everything that was sent is written.
    std::function<void()> written;
    /// Once, when it ended by itself; not after Close.
    std::function<void(const Error&)> closed;
  };

  Connection(Tcp::socket socket, std::size_t max_units);

  /// Begins to read. What `events` refer to must live until `closed`, or Close.
  void Start(Events events);
  /// Frames that are sent while another one is written go out together.
  void Send(std::string_view json);
  /// Takes no further frames until Resume.
  void Pause() { paused_ = true; }
  void Resume();
  void Close();

  bool paused() const { return paused_; }
  std::size_t unsent_bytes() const { return out_.size() + writing_.size(); }

 private:
  void Advance();
  void StartRead();
  void StartWrite();
  void End(const Error& error);

  Tcp::socket socket_;
  FrameReader reader_;
  Events events_;
  std::string out_;      ///< frames to be written next
  std::string writing_;  ///< frames being written
  std::size_t written_ = 0;
  bool paused_ = false;
  bool reading_ = false;
  bool advancing_ = false;
  bool closed_ = false;
};

}  // namespace millrace::rpc::internal
