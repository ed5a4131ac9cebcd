#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "gateway/access_control.hpp"

namespace millrace::gateway {

/// Whether who opened a connection that lasts may still have it: asked again with the
/// credentials that it brought, at most four times a second. Any thread.
class StillAllowed {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kAgain{250};

  /// `access` null: always. `who` is who asked in `request`.
  StillAllowed(const AccessControl* access, const http::Request& request,
               query::Principal who);

  /// False: the token has expired, was revoked, or its rights are others now.
  bool operator()(Time now);

 private:
  bool Ask() const;

  const AccessControl* const access_;
  const std::string authorization_, api_key_;
  const query::Principal who_;
  std::atomic<Time> next_;
};

}  // namespace millrace::gateway
