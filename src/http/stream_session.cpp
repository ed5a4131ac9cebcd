#include "stream_session.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>
#include <utility>

#include "http/websocket.hpp"
#include "loop.hpp"

namespace millrace::http::internal {
namespace {

using boost::system::error_code;

/// How long a client may take to read the end of its stream.
constexpr std::chrono::seconds kClosingTime{5};
constexpr std::size_t kPiecesAWrite = 64;
constexpr std::uint16_t kGoingAway = 1001;
/// A vector that once held a burst is given back, or 10,000 quiet streams keep theirs.
constexpr std::size_t kKeptPieces = 16;

/// A peer that vanished without a word is noticed by its silence on the wire.
void LimitSilence(Socket& socket, std::chrono::milliseconds limit) {
  const auto value = static_cast<unsigned int>(limit.count());
  static_cast<void>(::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT,
                                 &value, sizeof value));
}

}  // namespace

StreamSession::StreamSession(Socket socket, Loop& loop, std::uint32_t slot,
                             std::uint64_t serial, std::shared_ptr<Stream> stream,
                             std::string first, std::string unread)
    : Connection(slot),
      socket_(std::move(socket)),
      loop_(loop),
      serial_(serial),
      stream_(std::move(stream)),
      unread_(std::move(unread)),
      control_(std::move(first)) {
  if (stream_->options().websocket) reader_ = std::make_unique<WebSocketReader>();
}

void StreamSession::Start() {
  const auto self = shared_from_this();
  LimitSilence(socket_, loop_.limits().write_timeout);
  error_code failed;
  socket_.non_blocking(true, failed);
  if (failed) return Close();
  Understand(std::exchange(unread_, {}));
  if (loop_.draining()) BeginClosing();
  Flush();
  if (!closed_) WaitForInput();
}

void StreamSession::Deliver(std::uint64_t serial, Content&& content) {
  if (serial != serial_ || closed_) return;
  if (!std::holds_alternative<PokeStream>(content)) return;
  const auto self = shared_from_this();
  Flush();
}

void StreamSession::Drain() {
  if (closed_ || lingering_) return;
  const auto self = shared_from_this();
  BeginClosing();
  Flush();
}

void StreamSession::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  error_code ignored;
  socket_.close(ignored);
  writing_.clear();
  LeaveActive();
  loop_.Remove(*this);
  stream_->MarkClosed();
}

void StreamSession::LeaveActive() {
  if (std::exchange(active_, false)) loop_.LeaveActive();
}

void StreamSession::OnTimeout() {
  if (write_pending_ || closing_) return Close();
  const auto self = shared_from_this();
  // Asked before the queue is looked at: what it tells is behind all that was sent.
  const auto& bytes = stream_->options().heartbeat_bytes;
  const auto beat = bytes ? bytes() : nullptr;
  if (reader_) {
    AppendWebSocketPing(control_);
  } else if (bytes) {
    Flush();
    if (beat && !write_pending_ && !closed_) control_ = *beat;
  }
  if (!closed_) Flush();
}

// Output -------------------------------------------------------------------------------

void StreamSession::Flush() {
  if (closed_ || lingering_) return;
  if (stream_->cut()) return Close();  // also one that never takes what is being written
  if (write_pending_) return;
  const auto end = stream_->Take(writing_);
  if (end == Stream::End::kClose) BeginClosing();
  own_ = 0;
  if (!control_.empty()) {
    // Between whole pieces, and first: a pong does not wait behind a long queue.
    auto piece = std::make_shared<const std::string>(std::exchange(control_, {}));
    writing_.insert(writing_.begin(), std::move(piece));
    own_ = 1;
  }
  if (closing_ && !std::exchange(close_sent_, true)) AddClose();
  index_ = offset_ = 0;
  if (!writing_.empty()) return StartWrite();
  if (closing_) return StartLinger();
  SetDeadline(Steady::now() + stream_->options().heartbeat);
}

/// Nothing follows a close.
void StreamSession::AddClose() {
  stream_->MarkClosed();
  if (!reader_) return;
  std::string frame;
  const auto asked = reader_->close_code();
  AppendWebSocketClose(frame, asked != 0 ? asked : kGoingAway);
  writing_.push_back(std::make_shared<const std::string>(std::move(frame)));
}

void StreamSession::StartWrite() {
  write_pending_ = true;
  SetDeadline(Steady::now() + (closing_ ? kClosingTime : loop_.limits().write_timeout));
  pieces_.clear();
  std::size_t skip = offset_;
  for (auto i = index_; i < writing_.size() && pieces_.size() < kPiecesAWrite; ++i) {
    pieces_.push_back(boost::asio::buffer(*writing_[i]) + std::exchange(skip, 0));
  }
  socket_.async_write_some(
      std::span(pieces_),
      [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
        self->OnWritten(failed, bytes);
      });
}

void StreamSession::OnWritten(const error_code& failed, std::size_t bytes) {
  write_pending_ = false;
  if (closed_) return;
  if (failed) return Close();
  std::size_t done = 0;
  for (auto left = bytes; index_ < writing_.size();) {
    const auto rest = writing_[index_]->size() - offset_;
    const auto part = std::min(rest, left);
    const bool ours = index_ < own_ || (close_sent_ && index_ + 1 == writing_.size());
    if (!ours) done += part;
    left -= part;
    offset_ += part;
    if (part < rest) break;
    writing_[index_++].reset();
    offset_ = 0;
  }
  stream_->Written(done);
  if (index_ < writing_.size()) return StartWrite();
  writing_.clear();
  if (writing_.capacity() > kKeptPieces) {
    writing_.shrink_to_fit();
    pieces_ = {};
  }
  Flush();
  if (!write_pending_ && !closed_ && stream_->options().on_drained) {
    stream_->options().on_drained();
  }
}

// Input --------------------------------------------------------------------------------

void StreamSession::WaitForInput() {
  // A wait instead of a read: a quiet stream needs no buffer to read into.
  socket_.async_wait(
      Socket::wait_read,
      [self = shared_from_this()](const error_code& failed) { self->OnInput(failed); });
}

void StreamSession::OnInput(const error_code& failed) {
  if (closed_) return;
  if (failed) return Close();
  const auto space = loop_.discard_buffer();
  error_code error;
  const auto bytes =
      socket_.read_some(boost::asio::buffer(space.data(), space.size()), error);
  if (error && error != boost::asio::error::would_block) return Close();
  Understand({space.data(), bytes});
  Flush();
  if (!closed_) WaitForInput();
}

void StreamSession::Understand(std::string_view bytes) {
  if (!reader_ || closing_ || bytes.empty()) return;
  if (!reader_->Take(bytes)) return BeginClosing();
  if (const auto ping = reader_->TakePing()) {
    // The newest one alone needs an answer, so that a flood of them is not kept.
    control_.clear();
    AppendWebSocketPong(control_, *ping);
  }
}

// The end ------------------------------------------------------------------------------

void StreamSession::BeginClosing() {
  closing_ = true;
  if (write_pending_) SetDeadline(Steady::now() + kClosingTime);
}

void StreamSession::StartLinger() {
  lingering_ = true;
  LeaveActive();
  error_code failed;
  socket_.shutdown(Socket::shutdown_send, failed);
  if (failed) return Close();
  SetDeadline(Steady::now() + kClosingTime);
}

void StreamSession::SetDeadline(Steady::time_point at) {
  deadline_ = at;
  loop_.WakeBy(at);
}

}  // namespace millrace::http::internal
