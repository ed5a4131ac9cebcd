#include "link.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <string>
#include <utility>

namespace millrace::rpc::internal {
namespace {

using boost::system::error_code;

constexpr unsigned kMostDoublings = 10;

}  // namespace

Link::Link(boost::asio::io_context& io, const ClientOptions& options, Events events)
    : options_(options),
      events_(std::move(events)),
      resolver_(io),
      socket_(io),
      timer_(io) {}

std::chrono::milliseconds Link::backoff() const {
  const auto doublings = std::min(failures_ == 0 ? 0 : failures_ - 1, kMostDoublings);
  return std::min(options_.backoff_min * (1u << doublings), options_.backoff_max);
}

void Link::Connect() {
  timer_.expires_after(options_.connect_timeout);
  timer_.async_wait([this](const error_code& cancelled) {
    if (cancelled) return;
    resolver_.cancel();
    error_code ignored;
    socket_.close(ignored);
  });
  resolver_.async_resolve(
      options_.host, std::to_string(options_.port),
      [this](const error_code& failed, const Tcp::resolver::results_type& addresses) {
        if (failed) {
          Fail(Error(ErrorCode::kUnavailable, failed.message()));
        } else {
          ConnectTo(addresses);
        }
      });
}

void Link::ConnectTo(const Tcp::resolver::results_type& addresses) {
  boost::asio::async_connect(socket_, addresses,
                             [this](const error_code& failed, const Tcp::endpoint&) {
                               if (failed) {
                                 Fail(Error(ErrorCode::kUnavailable, failed.message()));
                               } else {
                                 Use(std::move(socket_));
                               }
                             });
}

void Link::Use(Tcp::socket socket) {
  timer_.cancel();
  connection_ = std::make_shared<Connection>(std::move(socket), options_.max_frame_units);
  connection_->Start(
      {events_.message, [] {}, [this](const Error& error) { Fail(error); }});
  events_.up();
}

void Link::Fail(const Error& error) {
  // A connection that was of use is opened again at once, any other after a pause.
  const bool was_of_use = up() && failures_ == 0;
  connection_ = nullptr;
  if (!was_of_use) ++failures_;
  timer_.expires_after(was_of_use ? std::chrono::milliseconds(0) : backoff());
  timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) Connect();
  });
  events_.down(error);
}

}  // namespace millrace::rpc::internal
