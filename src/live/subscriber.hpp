#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "live/hub.hpp"

namespace millrace::live {

class Feed;

/// One subscriber. A worker has it until it joins its feed, then the feed's thread; never
/// both. Any thread may look at what is atomic.
struct Subscriber {
  enum class Phase { kBegin, kReset, kSnapshot, kLog, kLive };

  Subscription wanted;
  std::shared_ptr<Feed> feed;
  std::shared_ptr<Sink> sink;
  Phase phase = Phase::kBegin;

  Version version;                       ///< everything up to here was sent
  Offset offset = 0;                     ///< kLog and later: the next event to look at
  Version upto;                          ///< kSnapshot: where the log goes on
  std::deque<records::KeyVersion> keys;  ///< kSnapshot: to be sent next
  std::optional<Offset> ready_at;        ///< kLog: `ready` goes before this event
  std::string reset_reason;              ///< kReset

  std::atomic<bool> parked = false;  ///< waits for room
  std::atomic<bool> joined = false;  ///< its feed sends to it; joined_version is set
  std::atomic<bool> closed = false;
  Version joined_version;  ///< as an id
};

using SubscriberPtr = std::shared_ptr<Subscriber>;

}  // namespace millrace::live
