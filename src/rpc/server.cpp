#include "rpc/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/bytes.hpp"
#include "base/json_member.hpp"
#include "connection.hpp"
#include "outbox.hpp"
#include "packet.hpp"

namespace millrace::rpc {
namespace {

using boost::system::error_code;
using internal::Connection;
using internal::Tcp;

/// After "too many open files": a descriptor may have become free by then.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// To the users of a gateway that has a wrong one, the service is not there.
constexpr std::string_view kNoToken =
    R"({"statusCode":503,"message":"the service token is missing or wrong"})";
constexpr std::string_view kInternalError =
    R"({"statusCode":500,"message":"Internal server error"})";

Error ListenError(const ServerOptions& options, const error_code& failed) {
  const auto code = failed == boost::asio::error::address_in_use
                        ? ErrorCode::kConflict
                        : ErrorCode::kUnavailable;
  return Error(code, "listen at " + options.address + " port " +
                         std::to_string(options.port) + ": " + failed.message());
}

}  // namespace

Responder::Responder(std::shared_ptr<internal::Outbox> outbox, std::uint64_t connection,
                     std::string id)
    : outbox_(std::move(outbox)), connection_(connection), id_(std::move(id)) {}

Responder::Responder(Responder&& other) noexcept
    : outbox_(std::exchange(other.outbox_, nullptr)),
      connection_(other.connection_),
      id_(std::move(other.id_)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    if (outbox_) SendError(kInternalError);
    outbox_ = std::exchange(other.outbox_, nullptr);
    connection_ = other.connection_;
    id_ = std::move(other.id_);
  }
  return *this;
}

Responder::~Responder() {
  if (outbox_) SendError(kInternalError);
}

void Responder::Send(std::string_view json) { Post(internal::ReplyPacket(json, id_)); }

void Responder::SendError(std::string_view err) { Post(internal::ErrorPacket(err, id_)); }

void Responder::Post(std::string packet) {
  const auto outbox = std::exchange(outbox_, nullptr);
  if (outbox && !id_.empty()) outbox->Post({connection_, std::move(packet)});
}

std::string CommandPattern(std::string_view name) {
  std::string pattern = "{";
  AppendMember(pattern, "cmd", name);
  pattern += '}';
  return pattern;
}

class Server::Impl {
 public:
  Impl(ServerOptions options, Handlers handlers, telemetry::Logger& log)
      : options_(std::move(options)), handlers_(std::move(handlers)), log_(log) {
    outbox_ = std::make_shared<internal::Outbox>(
        [this] { boost::asio::post(io_, [this] { DeliverAll(); }); });
  }

  ~Impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    outbox_->Close();
    for (auto& [id, client] : clients_) client.connection->Close();
  }

  Status Listen() {
    error_code failed;
    const auto text = options_.address == "localhost" ? "127.0.0.1" : options_.address;
    const auto address = boost::asio::ip::make_address(text, failed);
    if (failed) {
      return Fail(ErrorCode::kInvalidArgument,
                  "address " + options_.address + ": " + failed.message());
    }
    const Tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(Tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed)
      acceptor_.listen(boost::asio::socket_base::max_listen_connections, failed);
    if (failed) return Fail(ListenError(options_, failed));
    port_ = acceptor_.local_endpoint(failed).port();
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  std::uint16_t port() const { return port_; }

  bool Drain(Deadline deadline) {
    boost::asio::post(io_, [this] { StartDrain(); });
    std::unique_lock lock(mutex_);
    const auto done = [this] { return drained_; };
    if (deadline.at() == Deadline::Never().at()) {
      changed_.wait(lock, done);
      return true;
    }
    return changed_.wait_until(lock, deadline.at(), done);
  }

 private:
  struct Client {
    std::shared_ptr<Connection> connection;
    std::size_t in_flight = 0;
  };

  void Accept() {
    if (draining_ || accepting_ || clients_.size() >= options_.connections) return;
    accepting_ = true;
    acceptor_.async_accept([this](const error_code& failed, Tcp::socket socket) {
      accepting_ = false;
      if (draining_) return;
      if (!failed) {
        Add(std::move(socket));
        Accept();
        return;
      }
      log_.Warn("cannot accept connections", {{"error", failed.message()}});
      accept_pause_.expires_after(kAcceptPause);
      accept_pause_.async_wait([this](const error_code&) { Accept(); });
    });
  }

  void Add(Tcp::socket socket) {
    const auto id = ++last_connection_;
    auto connection =
        std::make_shared<Connection>(std::move(socket), options_.max_frame_units);
    clients_.emplace(id, Client{connection, 0});
    connection->Start({[this, id](std::string_view json) { return Take(id, json); },
                       [this, id] { Settle(id); },
                       [this, id](const Error& error) {
                         log_.Debug("rpc connection ended", {{"error", error}});
                         Remove(id);
                       }});
  }

  Status Take(std::uint64_t id, std::string_view json) {
    MR_TRY(auto packet, parser_.Parse(json));
    const auto found = handlers_.find(packet.pattern);
    const bool event = packet.id.empty();
    if (!internal::SameSecret(packet.token, options_.service_token) &&
        !options_.service_token.empty()) {
      log_.Debug("a message without the service token", {{"event", event}});
      if (!event) {
        clients_.at(id).connection->Send(internal::ErrorPacket(kNoToken, packet.id));
      }
    } else if (found == handlers_.end()) {
      if (event) {
        log_.Debug("event without a handler", {{"pattern", Excerpt(packet.pattern)}});
      } else {
        clients_.at(id).connection->Send(internal::UnknownPatternPacket(packet.id));
      }
    } else {
      if (!event) ++clients_.at(id).in_flight;
      found->second(std::move(packet.data), Responder(outbox_, id, std::move(packet.id)));
    }
    Settle(id);
    return {};
  }

  /// Reads while there is room for answers; closes what is done with.
  void Settle(std::uint64_t id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    auto& [connection, in_flight] = found->second;
    const auto unsent = connection->unsent_bytes();
    if (draining_ && in_flight == 0 && unsent == 0) {
      connection->Close();
      Remove(id);
      return;
    }
    const bool full = in_flight >= options_.in_flight || unsent >= options_.output_bytes;
    if (full || draining_) {
      connection->Pause();
    } else if (connection->paused()) {
      const auto kept = connection;  // reading on may remove the client
      kept->Resume();
    }
  }

  void Remove(std::uint64_t id) {
    clients_.erase(id);
    Accept();
    if (draining_ && clients_.empty()) {
      const std::scoped_lock lock(mutex_);
      drained_ = true;
      changed_.notify_all();
    }
  }

  void DeliverAll() {
    for (auto& outgoing : outbox_->TakeAll()) {
      const auto found = clients_.find(outgoing.connection);
      if (found == clients_.end()) continue;
      --found->second.in_flight;
      found->second.connection->Send(outgoing.packet);
      Settle(outgoing.connection);
    }
  }

  void StartDrain() {
    draining_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    std::vector<std::uint64_t> ids;
    for (const auto& [id, client] : clients_) ids.push_back(id);
    for (const auto id : ids) Settle(id);
    if (!ids.empty()) return;
    const std::scoped_lock lock(mutex_);
    drained_ = true;
    changed_.notify_all();
  }

  const ServerOptions options_;
  const Handlers handlers_;
  telemetry::Logger& log_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  Tcp::acceptor acceptor_{io_};
  boost::asio::steady_timer accept_pause_{io_};
  std::shared_ptr<internal::Outbox> outbox_;
  internal::PacketParser parser_;
  std::unordered_map<std::uint64_t, Client> clients_;
  std::uint64_t last_connection_ = 0;
  std::uint16_t port_ = 0;
  bool accepting_ = false;
  bool draining_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool drained_ = false;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handlers handlers,
                                              telemetry::Logger& log) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handlers), log);
  MR_CHECK_OK(impl->Listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port(); }
bool Server::Drain(Deadline deadline) { return impl_->Drain(deadline); }

}  // namespace millrace::rpc
