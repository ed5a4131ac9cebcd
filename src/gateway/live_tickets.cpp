#include "live_tickets.hpp"

#include <utility>

#include "identity/token.hpp"

namespace millrace::gateway {

Result<std::string> LiveTickets::Issue(const http::Request& request,
                                       const std::string& owner, Time now) {
  MR_TRY(auto ticket, identity::NewSecret());
  Issued issued{{std::string(request.Header("authorization")),
                 std::string(request.Header("x-api-key"))},
                owner,
                now + kLifetime};
  const std::scoped_lock lock(mutex_);
  ForgetOld(now);
  if (auto& count = of_owner_[owner]; ++count > kMostOfOne) {
    --count;
    return Fail(ErrorCode::kUnavailable, "too many tickets wait for their use");
  }
  tickets_.emplace(ticket, std::move(issued));
  order_.push_back(ticket);
  return ticket;
}

std::optional<Shown> LiveTickets::Redeem(std::string_view ticket, Time now) {
  const std::scoped_lock lock(mutex_);
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return std::nullopt;
  auto issued = found->second;
  Remove(found);
  if (now >= issued.until) return std::nullopt;
  return std::move(issued.shown);
}

void LiveTickets::Remove(Tickets::iterator ticket) {
  const auto count = of_owner_.find(ticket->second.owner);
  if (--count->second == 0) of_owner_.erase(count);
  std::erase(order_, ticket->first);
  tickets_.erase(ticket);
}

void LiveTickets::ForgetOld(Time now) {
  while (!order_.empty()) {
    const auto oldest = tickets_.find(order_.front());
    if (now < oldest->second.until && order_.size() < kMost) return;
    Remove(oldest);
  }
}

}  // namespace millrace::gateway
