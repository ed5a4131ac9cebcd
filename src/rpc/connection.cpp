#include "connection.hpp"

#include <boost/asio/buffer.hpp>
#include <utility>

namespace millrace::rpc::internal {

using boost::system::error_code;

Connection::Connection(Tcp::socket socket, std::size_t max_units)
    : socket_(std::move(socket)), reader_(max_units) {}

void Connection::Start(Events events) {
  events_ = std::move(events);
  error_code ignored;
  socket_.set_option(Tcp::no_delay(true), ignored);
  socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  Advance();
}

void Connection::Send(std::string_view json) {
  if (closed_) return;
  AppendFrame(out_, json);
  if (writing_.empty()) StartWrite();
}

void Connection::Resume() {
  if (!std::exchange(paused_, false)) return;
  Advance();
}

void Connection::Close() {
  if (std::exchange(closed_, true)) return;
  error_code ignored;
  socket_.close(ignored);
}

void Connection::End(const Error& error) {
  if (closed_) return;
  Close();
  events_.closed(error);
}

void Connection::Advance() {
  if (advancing_) return;
  const auto self = shared_from_this();
  advancing_ = true;
  while (!closed_ && !paused_) {
    const auto frame = reader_.Next();
    if (frame && !*frame) break;
    const Status handled =
        frame ? events_.message(**frame) : Status(std::unexpected(frame.error()));
    if (!handled) End(handled.error());
  }
  advancing_ = false;
  if (!closed_ && !paused_ && !reading_) StartRead();
}

void Connection::StartRead() {
  reading_ = true;
  const auto space = reader_.Space();
  socket_.async_read_some(
      boost::asio::buffer(space.data(), space.size()),
      [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
        self->reading_ = false;
        if (failed) {
          self->End(Error(ErrorCode::kUnavailable, "Connection closed"));
          return;
        }
        self->reader_.Commit(bytes);
        self->Advance();
      });
}

void Connection::StartWrite() {
  if (writing_.empty()) {
    std::swap(out_, writing_);
    written_ = 0;
  }
  socket_.async_write_some(
      boost::asio::buffer(writing_.data() + written_, writing_.size() - written_),
      [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
        if (self->closed_) return;
        if (failed) {
          self->End(Error(ErrorCode::kUnavailable, "Connection closed"));
          return;
        }
        self->written_ += bytes;
        if (self->written_ == self->writing_.size()) self->writing_.clear();
        if (!self->writing_.empty() || !self->out_.empty()) {
          self->StartWrite();
        } else {
          self->events_.written();
        }
      });
}

}  // namespace millrace::rpc::internal
