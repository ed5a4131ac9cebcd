#include "socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <system_error>

namespace millrace::http::internal {
namespace {

constexpr int kBacklog = 1024;

std::unexpected<Error> SocketError(std::string_view action, const std::string& where,
                                   int code) {
  const auto kind = code == EADDRINUSE ? ErrorCode::kConflict : ErrorCode::kUnavailable;
  return Fail(kind, fmt::format("{} {}: {}", action, where,
                                std::generic_category().message(code)));
}

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<AddressList> Resolve(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto service = std::to_string(port);
  if (const int failed = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("address {}: {}", host, ::gai_strerror(failed)));
  }
  return AddressList(found, &::freeaddrinfo);
}

/// An address for a path of any length. sun_path holds 107 bytes; a longer path is
/// reached through the descriptor of its directory, which must stay open for the call.
struct UnixAddress {
  sockaddr_un address{};
  OwnedFd directory;
};

Result<UnixAddress> UnixAddressOf(const std::filesystem::path& path) {
  UnixAddress out;
  out.address.sun_family = AF_UNIX;
  std::string name = path.string();
  if (name.size() >= sizeof out.address.sun_path) {
    const auto parent = path.parent_path();
    out.directory = OwnedFd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!out.directory.is_open()) return SocketError("open", parent.string(), errno);
    name =
        fmt::format("/proc/self/fd/{}/{}", out.directory.get(), path.filename().string());
  }
  if (name.empty() || name.size() >= sizeof out.address.sun_path) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("socket {}: the file name is empty or too long", path.string()));
  }
  std::memcpy(out.address.sun_path, name.data(), name.size());
  return out;
}

Result<OwnedFd> FinishConnect(OwnedFd fd, const sockaddr* address, socklen_t size,
                              const std::string& where, Deadline deadline) {
  if (::connect(fd.get(), address, size) == 0) return fd;
  if (errno != EINPROGRESS) return SocketError("connect to", where, errno);
  MR_CHECK_OK(WaitFor(fd.get(), POLLOUT, deadline));
  int failed = 0;
  socklen_t length = sizeof failed;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &length);
  if (failed != 0) return SocketError("connect to", where, failed);
  return fd;
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int OwnedFd::Release() { return std::exchange(fd_, -1); }

void OwnedFd::Reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<OwnedFd> ListenTcp(const std::string& address, std::uint16_t port) {
  const int flags = address == "localhost" ? AI_PASSIVE : AI_PASSIVE | AI_NUMERICHOST;
  MR_TRY(const AddressList list, Resolve(address, port, flags));
  const auto where = fmt::format("{} port {}", address, port);
  OwnedFd fd(
      ::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.is_open()) return SocketError("listen at", where, errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it; without it pipelined answers wait for delayed ACKs.
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd.get(), list->ai_addr, list->ai_addrlen) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return SocketError("listen at", where, errno);
  }
  return fd;
}

Result<OwnedFd> ListenUnix(const std::filesystem::path& path) {
  MR_TRY(const UnixAddress target, UnixAddressOf(path));
  struct stat old{};
  if (::lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) ::unlink(path.c_str());
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return SocketError("listen at", path.string(), errno);
  ::fchmod(fd.get(), 0600);  // before bind: the file gets this mode from the start
  const auto* address = reinterpret_cast<const sockaddr*>(&target.address);
  if (::bind(fd.get(), address, sizeof target.address) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return SocketError("listen at", path.string(), errno);
  }
  return fd;
}

std::string PeerOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  const void* ip = nullptr;
  if (address.ss_family == AF_INET)
    ip = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.ss_family == AF_INET6)
    ip = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  char text[INET6_ADDRSTRLEN] = {};
  if (ip != nullptr) ::inet_ntop(address.ss_family, ip, text, sizeof text);
  return text;
}

std::uint16_t PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

Result<OwnedFd> ConnectTcp(const std::string& host, std::uint16_t port,
                           Deadline deadline) {
  MR_TRY(const AddressList list, Resolve(host, port, 0));
  Result<OwnedFd> last = Fail(ErrorCode::kUnavailable, "no address for " + host);
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    OwnedFd fd(::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        IPPROTO_TCP));
    if (!fd.is_open()) return SocketError("connect to", host, errno);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    last = FinishConnect(std::move(fd), each->ai_addr, each->ai_addrlen,
                         fmt::format("{} port {}", host, port), deadline);
    if (last) break;
  }
  return last;
}

Result<OwnedFd> ConnectUnix(const std::filesystem::path& path, Deadline deadline) {
  MR_TRY(const UnixAddress target, UnixAddressOf(path));
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return SocketError("connect to", path.string(), errno);
  return FinishConnect(std::move(fd), reinterpret_cast<const sockaddr*>(&target.address),
                       sizeof target.address, path.string(), deadline);
}

Status WaitFor(int fd, short events, Deadline deadline) {
  using std::chrono::milliseconds;
  for (;;) {
    int wait = -1;
    if (deadline.at() != Deadline::Steady::time_point::max()) {
      const auto left =
          std::chrono::ceil<milliseconds>(deadline.at() - Deadline::Steady::now())
              .count();
      if (left <= 0) return Fail(ErrorCode::kDeadlineExceeded, "the deadline has passed");
      wait = static_cast<int>(
          std::min<milliseconds::rep>(left, std::numeric_limits<int>::max()));
    }
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, wait);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) {
      return Fail(ErrorCode::kUnavailable,
                  "poll: " + std::generic_category().message(errno));
    }
  }
}

}  // namespace millrace::http::internal
