#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "change/complete_mark.hpp"
#include "eventlog/event_log.hpp"
#include "live/message.hpp"
#include "live/view.hpp"
#include "records/change_feed.hpp"
#include "records/record_store.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::live {

/// Where the messages of one subscriber go. Any thread; nothing blocks.
class Sink {
 public:
  virtual ~Sink() = default;
  /// False: there is no room, or nobody is there any more; the message was not taken.
  virtual bool Send(Message& message) = 0;
  /// Bytes that are not on their way yet.
  virtual std::size_t unsent() const = 0;
  /// Ends the connection now. The client goes on from the last id it has.
  virtual void Cut() = 0;
};

/// What a sink tells the hub, and asks it. Any thread; nothing blocks.
struct SinkEvents {
  std::function<void()> on_drained;  ///< all is on its way
  std::function<void()> on_closed;   ///< once; always comes when a sink was made
  /// The id up to which everything was sent, though no message may have said so.
  std::function<std::optional<Version>()> passed;
};

struct Subscription {
  std::string tenant;
  schema::Collection collection;
  std::shared_ptr<const View> view;
  bool snapshot = false;        ///< begin with the records that exist
  std::optional<Version> last;  ///< go on after this message (Last-Event-ID)
  /// Called once, on a thread of the hub: with the position it begins behind, or why it
  /// cannot begin. Gives the sink, or null. Destroyed uncalled when the hub stops.
  std::move_only_function<std::shared_ptr<Sink>(Result<Version>, SinkEvents)> open;
};

struct HubParts {
  records::RecordStore& records;
  records::ChangeFeed& changes;
  eventlog::EventLog& log;
  const change::CompleteMark& mark;
  telemetry::Logger& logger;
  telemetry::Registry& metrics;
};

struct HubOptions {
  std::size_t workers = 2;         ///< threads for those who are not at the end yet
  std::size_t room = 256u << 10u;  ///< unsent bytes at which one of them waits
};

/// Live subscriptions: who follows a collection gets its changes in the log's order, each
/// with its version as id. A subscriber reads the log by itself (and before it, for a
/// snapshot, the record store) at its client's pace until it is at the end; from there on
/// one thread a collection reads each event once, asks each distinct condition once, and
/// gives the message to all. Who has no room there is cut: its id says where to go on.
///
/// Every message's id is a version, and a subscriber's messages rise in it, the snapshot
/// included: it is sent in version order, up to a position of the log, which then goes
/// on. So any id resumes exactly: what has a higher version is what is missing, and is in
/// the log.
class Hub {
 public:
  explicit Hub(HubParts parts, HubOptions options = {});
  /// As Stop. After the last call of any SinkEvents.
  ~Hub();

  /// Any thread.
  void Subscribe(Subscription subscription);
  /// Sends nothing more. The sinks' connections are for their owner to end.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::live
