#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace millrace::gateway {

/// What a request showed to say who asks.
struct Shown {
  std::string authorization, api_key;
};

/// For pages: neither EventSource nor WebSocket of a browser sends a header of ours, so a
/// ticket in the URL stands for the credentials that it was fetched with, once and soon.
/// Kept in memory: no other gateway knows it, nor this one after a restart. Any thread.
class LiveTickets {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kLifetime{30};
  static constexpr std::size_t kMost = 10'000;  ///< then the oldest is worth nothing
  static constexpr std::size_t kMostOfOne = 100;

  /// A ticket for what `request` shows; `owner` names who that is. kUnavailable: he has
  /// so many that were not used, or there are no random numbers.
  Result<std::string> Issue(const http::Request& request, const std::string& owner,
                            Time now);
  /// What it stands for; nothing if it is none, too old, or was used.
  std::optional<Shown> Redeem(std::string_view ticket, Time now);

 private:
  struct Issued {
    Shown shown;
    std::string owner;
    Time until;
  };
  using Tickets = std::map<std::string, Issued, std::less<>>;
  void Remove(Tickets::iterator ticket);
  void ForgetOld(Time now);

  std::mutex mutex_;
  Tickets tickets_;
  std::map<std::string, std::size_t> of_owner_;
  std::deque<std::string> order_;  ///< of tickets_, oldest first
};

}  // namespace millrace::gateway
