#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::http::internal {

/// A file descriptor that is closed with its owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.Release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd() { Reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int Release();
  void Reset();

 private:
  int fd_ = -1;
};

/// A non-blocking socket that listens at a literal address or "localhost".
/// kInvalidArgument: not such an address. kConflict: in use. kUnavailable otherwise.
Result<OwnedFd> ListenTcp(const std::string& address, std::uint16_t port);
/// A non-blocking Unix socket, mode 0600, at a path of any length; an old socket file is
/// replaced. kConflict: something else is there.
Result<OwnedFd> ListenUnix(const std::filesystem::path& path);
/// The IP address of the other end, as text; empty where there is none.
std::string PeerOf(int fd);
/// The port of a listening TCP socket.
std::uint16_t PortOf(int fd);

/// Connected, non-blocking sockets. kUnavailable: refused or not reachable.
/// kDeadlineExceeded, kInvalidArgument (unknown host).
Result<OwnedFd> ConnectTcp(const std::string& host, std::uint16_t port,
                           Deadline deadline);
Result<OwnedFd> ConnectUnix(const std::filesystem::path& path, Deadline deadline);

/// Waits for `events` of poll(2) on a descriptor. kDeadlineExceeded.
Status WaitFor(int fd, short events, Deadline deadline);

}  // namespace millrace::http::internal
