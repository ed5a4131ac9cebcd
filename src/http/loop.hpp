#pragma once

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "http/server.hpp"
#include "mailbox.hpp"
#include "response_writer.hpp"
#include "route_table.hpp"
#include "session.hpp"
#include "socket.hpp"

namespace millrace::http::internal {

/// The event loop of one server: listening sockets, the table of sessions, one timer for
/// all their deadlines. Everything runs on the thread that calls Run, but for what says
/// so.
class Loop {
 public:
  Loop(const ServerLimits& limits, bool gzip, telemetry::Registry& registry,
       telemetry::Logger& log);
  ~Loop();

  /// Before Run. `unix_socket` is removed when the listener is closed; may be empty.
  Status AddListener(OwnedFd listening, Router router, std::filesystem::path unix_socket);
  /// Serves until Shutdown.
  void Run();
  /// Runs `work` on the loop's thread and waits for it. Any thread.
  void RunHere(std::function<void()> work);

  void StopAccepting();
  void StartDrain();
  /// Waits until no session has anything left to do. Any other thread.
  bool WaitUntilDrained(Deadline deadline);
  /// Closes everything; Run returns soon after.
  void Shutdown();

  // For sessions.
  const ServerLimits& limits() const { return limits_; }
  telemetry::Logger& log() { return log_; }
  bool draining() const { return draining_; }
  std::string_view date_line() { return date_.Now(); }
  std::span<char> discard_buffer() { return discard_; }
  const RouteMetrics& unmatched() const { return unmatched_; }
  const RouteMetrics& malformed() const { return malformed_; }
  std::uint64_t NextSerial() { return ++serial_; }
  void MakeRequestId(std::string& id);
  Responder MakeResponder(std::uint32_t slot, std::uint64_t serial, bool takes_gzip) {
    const auto coding = takes_gzip ? Ticket::Coding::kGzip : Ticket::Coding::kPlain;
    return {mailbox_, {slot, serial, gzip_ ? coding : Ticket::Coding::kOff}};
  }
  /// Looks at all deadlines at `at` or earlier.
  void WakeBy(Steady::time_point at);
  void Remove(const Connection& connection);
  /// Another one has the slot from here on, and is started.
  void Replace(const Connection& old, std::shared_ptr<Connection> next);
  /// A session has nothing left to do for its client.
  void LeaveActive();

 private:
  using Protocol = boost::asio::generic::stream_protocol;
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol, Executor>;
  using Timer =
      boost::asio::basic_waitable_timer<Steady, boost::asio::wait_traits<Steady>,
                                        Executor>;

  struct Listening {
    Acceptor acceptor;
    Socket next;
    Router router;
    std::filesystem::path unix_socket;
    bool waiting = false;
  };

  void Accept(Listening& listening);
  void OnAccepted(Listening& listening, const boost::system::error_code& failed);
  void AddSession(Listening& listening);
  void ResumeAccepting();
  void Deliver(Ticket ticket, Content&& content);
  void Sweep();
  std::size_t session_count() const { return slots_.size() - free_.size(); }

  const ServerLimits limits_;
  const bool gzip_;
  telemetry::Logger& log_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<Executor> work_{io_.get_executor()};
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<std::unique_ptr<Listening>> listeners_;
  std::vector<std::shared_ptr<Connection>> slots_;
  std::vector<std::uint32_t> free_;

  Timer timer_{io_.get_executor()};
  Timer accept_pause_{io_.get_executor()};
  Steady::time_point wake_at_ = Steady::time_point::max();
  Steady::time_point last_sweep_{};

  RouteMetrics unmatched_;
  RouteMetrics malformed_;
  telemetry::Gauge& connections_;
  DateLine date_;
  std::array<char, 64u << 10u> discard_;
  std::uint64_t serial_ = 0;
  std::uint64_t request_id_base_;
  bool accepting_ = true;
  bool draining_ = false;

  std::mutex drained_mutex_;
  std::condition_variable drained_;
  std::size_t active_ = 0;  ///< guarded by drained_mutex_ for the waiting thread
};

}  // namespace millrace::http::internal
