#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "connection.hpp"
#include "rpc/client.hpp"

namespace millrace::rpc::internal {

/// One place of a client's for a connection: connects, and connects again when it is
/// lost, with growing pauses. The thread of its event loop only.
class Link {
 public:
  struct Events {
    std::function<void()> up;
    std::function<Status(std::string_view json)> message;
    /// The connection is gone, or none could be made. Another attempt follows.
    std::function<void(const Error&)> down;
  };

  Link(boost::asio::io_context& io, const ClientOptions& options, Events events);

  void Connect();
  bool up() const { return connection_ != nullptr; }
  /// A connection is on its way, and the last one gave no reason to doubt it.
  bool hopeful() const { return !up() && failures_ == 0; }
  void Send(std::string_view json) { connection_->Send(json); }
  /// The server works: the next pause is short again.
  void Praise() { failures_ = 0; }
  std::chrono::milliseconds backoff() const;

 private:
  void ConnectTo(const Tcp::resolver::results_type& addresses);
  void Use(Tcp::socket socket);
  void Fail(const Error& error);

  const ClientOptions& options_;
  const Events events_;
  Tcp::resolver resolver_;
  Tcp::socket socket_;  ///< while connecting
  boost::asio::steady_timer timer_;
  std::shared_ptr<Connection> connection_;
  unsigned failures_ = 0;  ///< since the server last answered anything
};

}  // namespace millrace::rpc::internal
