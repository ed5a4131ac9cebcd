#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "event_messages.hpp"
#include "subscriber.hpp"

namespace millrace::live {

/// What the subscribers of all collections count together.
struct Counters {
  telemetry::Gauge& subscribers;
  telemetry::Counter& messages;
  telemetry::Counter& slow;  ///< cut
};

/// The end of one collection's stream, of one tenant: one thread reads each event once
/// and gives it to all who are there. It runs while there is a subscriber.
class Feed {
 public:
  Feed(const HubParts& parts, Counters& counters, std::string tenant,
       schema::Collection collection);
  /// As Stop.
  ~Feed();

  /// From its offset on the subscriber gets everything. False: events before it have been
  /// given out already, so it must read on by itself first. Any thread.
  bool Join(const SubscriberPtr& subscriber);
  /// A subscriber of this feed is gone. Any thread.
  void Left();
  /// All who joined have everything up to here.
  Version passed() const;
  void Stop();

  const schema::Collection& collection() const { return collection_; }
  const StreamId& stream() const { return stream_; }

 private:
  struct Group {
    std::shared_ptr<const View> view;
    std::vector<SubscriberPtr> members;
  };

  void Run();
  bool Round();
  void Adopt(std::vector<SubscriberPtr> joined);
  Status Give(const eventlog::RecordBatch& batch);
  void GiveTo(Group& group, Offset offset, Message& message);
  void CutAll(const Error& error);
  bool EndIfAlone();

  const HubParts& parts_;
  Counters& counters_;
  const schema::Collection collection_;
  const StreamId stream_;

  // The thread's own.
  std::vector<Group> groups_;
  Offset next_ = 0;
  Version last_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::vector<SubscriberPtr> joined_;
  std::size_t left_ = 0;
  Offset promised_ = 0;  ///< events before it are out, or being given out
  Version passed_;
  bool running_ = false;
  bool stopping_ = false;

  std::thread thread_;  ///< started and joined under start_mutex_
  std::mutex start_mutex_;
};

}  // namespace millrace::live
