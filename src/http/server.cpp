#include "http/server.hpp"

#include <thread>
#include <utility>

#include "loop.hpp"

namespace millrace::http {

class Server::Impl {
 public:
  Impl(const ServerOptions& options, telemetry::Registry& registry,
       telemetry::Logger& log)
      : loop_(options.limits, options.gzip, registry, log), registry_(registry) {}

  ~Impl() {
    if (!thread_.joinable()) return;
    loop_.RunHere([this] { loop_.Shutdown(); });
    thread_.join();
  }

  Status Listen(Listener listener) {
    const bool is_unix = !listener.unix_socket.empty();
    MR_TRY(internal::OwnedFd fd,
           is_unix ? internal::ListenUnix(listener.unix_socket)
                   : internal::ListenTcp(listener.address, listener.port));
    ports_.push_back(is_unix ? std::uint16_t{0} : internal::PortOf(fd.get()));
    listener.router.table().RegisterMetrics(registry_);
    return loop_.AddListener(std::move(fd), std::move(listener.router),
                             std::move(listener.unix_socket));
  }

  void Run() {
    thread_ = std::thread([this] { loop_.Run(); });
  }

  internal::Loop& loop() { return loop_; }
  std::uint16_t port(std::size_t listener) const { return ports_.at(listener); }

 private:
  internal::Loop loop_;
  telemetry::Registry& registry_;
  std::vector<std::uint16_t> ports_;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options,
                                              telemetry::Registry& registry,
                                              telemetry::Logger& log) {
  auto impl = std::make_unique<Impl>(options, registry, log);
  for (Listener& listener : options.listeners) {
    MR_CHECK_OK(impl->Listen(std::move(listener)));
  }
  impl->Run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port(std::size_t listener) const { return impl_->port(listener); }

void Server::StopAccepting() {
  impl_->loop().RunHere([this] { impl_->loop().StopAccepting(); });
}

bool Server::Drain(Deadline deadline) {
  impl_->loop().RunHere([this] { impl_->loop().StartDrain(); });
  return impl_->loop().WaitUntilDrained(deadline);
}

}  // namespace millrace::http
