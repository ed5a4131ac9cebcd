#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "eventlog/event_log.hpp"
#include "pipeline/dead_letters.hpp"

namespace millrace::pipeline {

/// Sends open letters to the redrive stream of their pipeline. The order of the durable
/// steps: the letters get their places, then the events are appended there. A crash in
/// between leaves letters that are sent to where nothing is; Repair opens them again, and
/// is called before anything else at each start and each redrive. The only writer of
/// these streams. Any thread.
class Redriver {
 public:
  Redriver(eventlog::EventLog& log, DeadLetters& letters)
      : log_(log), letters_(letters) {}

  Status Repair(const std::string& pipeline);
  /// Sends letters of one pipeline in the order given, as part of redrive `run`.
  /// kResourceExhausted, kUnavailable: those that were not sent are open.
  Status Send(const std::string& pipeline, const std::vector<std::int64_t>& ids,
              std::uint64_t run);

 private:
  Status SendSome(const std::string& pipeline, const std::vector<DeadLetter>& letters,
                  std::uint64_t run);

  eventlog::EventLog& log_;
  DeadLetters& letters_;
  std::mutex sending_;
};

}  // namespace millrace::pipeline
