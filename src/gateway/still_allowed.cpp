#include "still_allowed.hpp"

#include <array>
#include <utility>

namespace millrace::gateway {
namespace {

/// What rules are asked with. The session and its end are other ones after a refresh.
bool SameRights(const query::Principal& a, const query::Principal& b) {
  return a.authenticated == b.authenticated && a.user_id == b.user_id &&
         a.role == b.role && a.tenant == b.tenant && a.key_id == b.key_id &&
         a.claims == b.claims && a.scopes == b.scopes;
}

}  // namespace

StillAllowed::StillAllowed(const AccessControl* access, const http::Request& request,
                           query::Principal who)
    : access_(access),
      authorization_(request.Header("authorization")),
      api_key_(request.Header("x-api-key")),
      who_(std::move(who)),
      next_(std::chrono::steady_clock::now() + kAgain) {}

bool StillAllowed::operator()(Time now) {
  if (access_ == nullptr) return true;
  if (now < next_.load(std::memory_order_relaxed)) return true;
  next_.store(now + kAgain, std::memory_order_relaxed);
  return Ask();
}

bool StillAllowed::Ask() const {
  std::array<http::HeaderField, 2> headers;
  std::size_t count = 0;
  if (!authorization_.empty()) headers[count++] = {"Authorization", authorization_};
  if (!api_key_.empty()) headers[count++] = {"X-API-Key", api_key_};
  http::Request request;
  request.headers = std::span(headers).first(count);
  const auto who = access_->who(request);
  return who && SameRights(*who, who_);
}

}  // namespace millrace::gateway
