#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/audit.hpp"
#include "http/message.hpp"

namespace millrace::gateway {

/// What the audit log says of one route.
struct AuditRoute {
  enum class Kind : std::uint8_t {
    kRead,     ///< recorded where it is refused
    kRecords,  ///< the answer has the keys
    kEvents,   ///< the answer counts what was taken
    kGrant,    ///< the answer has tokens of who it is now
    kSession,  ///< ends one, or changes an account
  };
  Kind kind = Kind::kRead;
  AuditAction action = AuditAction::kRefused;
  std::string name;     ///< "POST /api/auth/login"
  bool record = false;  ///< a 404 of it may be a refusal

  bool writes() const { return kind != Kind::kRead; }
  AuditWhen when() const {
    return kind == Kind::kGrant || kind == Kind::kSession ? AuditWhen::kBeforeAnswer
                                                          : AuditWhen::kSoon;
  }
};

AuditRoute AuditRouteOf(http::Method method, std::string_view pattern);

/// "collections/orders"; of a route without such a parameter what it is about.
std::string AuditResourceOf(const http::Request& request);

}  // namespace millrace::gateway
