#pragma once

#include "feed.hpp"
#include "log_place.hpp"
#include "subscriber.hpp"

namespace millrace::live {

/// Brings a subscriber to the end of its stream: a step is a bounded piece of work, so
/// that few threads serve many. Any thread, one a subscriber.
class CatchUp {
 public:
  CatchUp(const HubParts& parts, const HubOptions& options, const LogPlace& place,
          Counters& counters)
      : parts_(parts), options_(options), place_(place), counters_(counters) {}

  enum class Next {
    kAgain,
    kPark,  ///< until its sink has room
    kDone,  ///< it has joined its feed, or is gone
  };
  Next Step(const SubscriberPtr& subscriber, SinkEvents events);

 private:
  Next Begin(Subscriber& subscriber, SinkEvents events);
  Status Place(Subscriber& subscriber);
  Result<Next> Advance(const SubscriberPtr& subscriber);
  Result<Next> Reset(Subscriber& subscriber);
  Result<Next> Snapshot(Subscriber& subscriber);
  Result<Next> EndSnapshot(Subscriber& subscriber);
  Result<Next> ReadLog(const SubscriberPtr& subscriber);
  Result<bool> SendEvent(Subscriber& subscriber, const eventlog::Record& record);
  bool SendReady(Subscriber& subscriber);
  Status BeginSnapshot(Subscriber& subscriber);
  Status AwaitReady(Subscriber& subscriber);
  void BeginReset(Subscriber& subscriber, std::string reason);
  bool Send(Subscriber& subscriber, Message& message);
  bool HasRoom(const Subscriber& subscriber) const {
    return subscriber.sink->unsent() < options_.room;
  }

  const HubParts& parts_;
  const HubOptions& options_;
  const LogPlace& place_;
  Counters& counters_;
};

}  // namespace millrace::live
