#include "project/access.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace millrace::project {

bool IsLoopback(std::string_view address) {
  if (address == "localhost") return true;
  const std::string text(address);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Status CheckAccess(const Project& project, std::string_view address) {
  if (!project.open_access || IsLoopback(address)) return {};
  return Fail(
      ErrorCode::kPermissionDenied,
      fmt::format("http.address is {}, but with `access: open` only a loopback address "
                  "(127.0.0.1, ::1) may be bound: everyone who reaches it may read and "
                  "write everything; without `access` users sign in, and rules decide",
                  address));
}

}  // namespace millrace::project
