#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>

#include "mailbox.hpp"

namespace millrace::http::internal {

using Executor = boost::asio::io_context::executor_type;
using Socket =
    boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;
using Steady = std::chrono::steady_clock;

/// What has a slot of the loop. Server's thread only.
class Connection {
 public:
  explicit Connection(std::uint32_t slot) : slot_(slot) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void Start() = 0;
  /// A letter about request `serial`; dropped if that is not the present one.
  virtual void Deliver(std::uint64_t serial, Content&& content) = 0;
  /// Ends it as soon as its client is not left with half an answer.
  virtual void Drain() = 0;
  virtual void Close() = 0;
  virtual void OnTimeout() = 0;

  Steady::time_point deadline() const { return deadline_; }
  std::uint32_t slot() const { return slot_; }

 protected:
  const std::uint32_t slot_;
  Steady::time_point deadline_ = Steady::time_point::max();
};

}  // namespace millrace::http::internal
