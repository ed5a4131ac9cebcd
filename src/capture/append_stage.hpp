#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "capture/stream_writer.hpp"

namespace millrace::capture {

/// What goes to the log together, and whom to tell.
struct FormedAppend {
  std::vector<StreamRequest> requests;
  std::vector<AcceptedEvents> accepted;  ///< by request
  std::string bytes;
  std::vector<std::size_t> ends;  ///< of each event in `bytes`; empty: duplicates alone
  Position upto;                  ///< of the stream's source
  // Where the stream stood before it.
  Position after;
  Offset first = 0;         ///< of its first event
  TimestampUs last_at = 0;  ///< time of the event before
};

/// Answers the requests of what was not written.
void Refuse(FormedAppend& append, const Error& error);

/// The second half of a stream's writer: appends what is formed, in order, in its own
/// thread, so that the next append is formed while the disk works on this one. One thread
/// hands over.
class AppendStage {
 public:
  /// What was handed over and did not get into the log; its requests have been answered.
  struct Lost {
    Error error;
    std::size_t events = 0;
    Position after;  ///< where the stream stands instead, as in FormedAppend
    Offset first = 0;
    TimestampUs last_at = 0;
  };

  AppendStage(eventlog::EventLog& log, StreamId stream, telemetry::Counter& events);
  ~AppendStage();  ///< finishes what it was handed

  /// Waits for room for one. False, with `append` as it was, while there is something
  /// lost: `append` was formed as if it were there.
  bool HandOver(FormedAppend& append);
  /// What was lost since the last call.
  std::optional<Lost> TakeLost();

 private:
  void Loop();
  Status Write(const FormedAppend& append);
  void Lose(FormedAppend& append, const Error& error);

  eventlog::EventLog& log_;
  const StreamId stream_;
  telemetry::Counter& events_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::optional<FormedAppend> waiting_;
  std::optional<Lost> lost_;
  bool stopping_ = false;

  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace millrace::capture
