#include "loop.hpp"

#include <boost/asio/post.hpp>
#include <future>
#include <random>
#include <utility>

#include "base/bytes.hpp"
#include "http/stream.hpp"

namespace millrace::http::internal {
namespace {

using boost::system::error_code;

/// Deadlines may be met this much late, so that many of them cost one look together.
constexpr std::chrono::milliseconds kSweepGap{100};
/// After "too many open files": a descriptor may have become free by then.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::uint64_t RandomBase() {
  std::random_device random;
  return (std::uint64_t{random()} << 32u) | random();
}

}  // namespace

Loop::Loop(const ServerLimits& limits, bool gzip, telemetry::Registry& registry,
           telemetry::Logger& log)
    : limits_(limits),
      gzip_(gzip),
      log_(log),
      unmatched_(RouteMetrics::Register(registry, "unmatched", "any")),
      malformed_(RouteMetrics::Register(registry, "malformed", "any")),
      connections_(registry.AddGauge("http_connections", "Open HTTP connections.")),
      request_id_base_(RandomBase()) {
  mailbox_ = std::make_shared<Mailbox>(
      [this](Ticket ticket, Content&& content) { Deliver(ticket, std::move(content)); },
      [this] { boost::asio::post(io_, [this] { mailbox_->DeliverAll(); }); });
}

Loop::~Loop() {
  mailbox_->Close();
  StopAccepting();  // for one that never ran
}

Status Loop::AddListener(OwnedFd listening, Router router,
                         std::filesystem::path unix_socket) {
  auto place = std::make_unique<Listening>(Acceptor(io_.get_executor()),
                                           Socket(io_.get_executor()), std::move(router),
                                           std::move(unix_socket));
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const int family = address.ss_family;
  error_code failed;
  place->acceptor.assign(Protocol(family, 0), listening.get(), failed);
  if (failed) return Fail(ErrorCode::kUnavailable, "listen: " + failed.message());
  static_cast<void>(listening.Release());
  Accept(*listeners_.emplace_back(std::move(place)));
  return {};
}

void Loop::Run() {
  mailbox_->BindThread();
  io_.run();
}

void Loop::RunHere(std::function<void()> work) {
  if (io_.get_executor().running_in_this_thread()) {
    work();
    return;
  }
  std::promise<void> done;
  boost::asio::post(io_, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

// Connections --------------------------------------------------------------------------

void Loop::Accept(Listening& listening) {
  if (!accepting_ || listening.waiting) return;
  if (session_count() >= limits_.connections) return;  // Remove goes on
  listening.waiting = true;
  listening.acceptor.async_accept(
      listening.next,
      [this, &listening](const error_code& failed) { OnAccepted(listening, failed); });
}

void Loop::OnAccepted(Listening& listening, const error_code& failed) {
  listening.waiting = false;
  if (!accepting_) return;
  if (!failed) {
    AddSession(listening);
  } else if (failed == boost::asio::error::no_descriptors ||
             failed == boost::asio::error::no_memory ||
             failed == boost::asio::error::no_buffer_space ||
             failed == error_code(ENFILE, boost::system::system_category())) {
    log_.Warn("cannot accept connections", {{"error", failed.message()}});
    accept_pause_.expires_after(kAcceptPause);
    accept_pause_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) ResumeAccepting();
    });
    return;
  }
  Accept(listening);
}

void Loop::AddSession(Listening& listening) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Socket socket = std::exchange(listening.next, Socket(io_.get_executor()));
  auto session =
      std::make_shared<Session>(std::move(socket), listening.router.table(), *this, slot);
  slots_[slot] = session;
  connections_.Add(1);
  {
    const std::scoped_lock lock(drained_mutex_);
    ++active_;
  }
  session->Start();
}

void Loop::Replace(const Connection& old, std::shared_ptr<Connection> next) {
  slots_[old.slot()] = next;
  next->Start();
}

void Loop::Remove(const Connection& connection) {
  slots_[connection.slot()].reset();
  free_.push_back(connection.slot());
  connections_.Add(-1);
  if (session_count() == 0) {
    timer_.cancel();
    wake_at_ = Steady::time_point::max();
  }
  ResumeAccepting();
}

void Loop::ResumeAccepting() {
  for (const auto& listening : listeners_) Accept(*listening);
}

void Loop::StopAccepting() {
  if (!std::exchange(accepting_, false)) return;
  accept_pause_.cancel();
  for (const auto& listening : listeners_) {
    error_code ignored;
    listening->acceptor.close(ignored);
    if (!listening->unix_socket.empty()) {
      std::error_code gone;
      std::filesystem::remove(listening->unix_socket, gone);
    }
  }
}

// Answers and deadlines ----------------------------------------------------------------

void Loop::MakeRequestId(std::string& id) {
  id.clear();
  // An odd factor makes each number another one, and neighbours look unlike.
  AppendHex(id, request_id_base_ + ++serial_ * 0x9e3779b97f4a7c15ULL, 16);
}

void Loop::Deliver(Ticket ticket, Content&& content) {
  if (ticket.slot < slots_.size() && slots_[ticket.slot]) {
    slots_[ticket.slot]->Deliver(ticket.serial, std::move(content));
  }
  // Its client has gone before the head.
  const auto* open = std::get_if<OpenStream>(&content);
  if (open != nullptr && open->stream) open->stream->MarkClosed();
}

void Loop::WakeBy(Steady::time_point at) {
  at = std::max(at, last_sweep_ + kSweepGap);
  if (at >= wake_at_) return;
  wake_at_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) Sweep();
  });
}

void Loop::Sweep() {
  const auto now = Steady::now();
  last_sweep_ = now;
  wake_at_ = Steady::time_point::max();
  auto next = Steady::time_point::max();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto session = slots_[i];
    if (!session) continue;
    if (session->deadline() <= now) session->OnTimeout();
    if (slots_[i] == session) next = std::min(next, session->deadline());
  }
  WakeBy(next);
}

// The end ------------------------------------------------------------------------------

void Loop::StartDrain() {
  StopAccepting();
  draining_ = true;
  const auto sessions = slots_;
  for (const auto& session : sessions) {
    if (session) session->Drain();
  }
}

void Loop::LeaveActive() {
  const std::scoped_lock lock(drained_mutex_);
  if (--active_ == 0) drained_.notify_all();
}

bool Loop::WaitUntilDrained(Deadline deadline) {
  std::unique_lock lock(drained_mutex_);
  const auto done = [this] { return active_ == 0; };
  if (deadline.at() == Steady::time_point::max()) {
    drained_.wait(lock, done);
    return true;
  }
  return drained_.wait_until(lock, deadline.at(), done);
}

void Loop::Shutdown() {
  StopAccepting();
  const auto sessions = slots_;
  for (const auto& session : sessions) {
    if (session) session->Close();
  }
  timer_.cancel();
  work_.reset();
}

}  // namespace millrace::http::internal
