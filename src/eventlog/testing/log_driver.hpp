#pragma once

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/event_log.hpp"

/// Helpers that every test of a log needs.
namespace millrace::eventlog {

/// Appends and reads in few words. Also for tests of rooms that use a log.
class LogDriver {
 public:
  explicit LogDriver(EventLog& log) : log_(log) {}

  /// Appends as `source`, going on from its last position.
  Result<Offset> Append(const StreamId& stream, const std::vector<std::string>& bodies,
                        const std::string& source = "src") {
    MR_TRY(const auto last, log_.LastPosition(stream, source));
    const std::vector<std::string_view> views(bodies.begin(), bodies.end());
    return log_.Append(Batch(stream, views, last, source), Deadline::Never());
  }
  /// A batch whose position is as many steps further as it has events. Owns no bodies.
  static EventBatch Batch(const StreamId& stream,
                          const std::vector<std::string_view>& bodies, Position after,
                          const std::string& source = "src") {
    return {stream, source, after, {after.high, after.low + bodies.size()}, bodies};
  }
  /// Bodies from `from` to the end; a failed read ends with "error: …".
  std::vector<std::string> ReadAll(const StreamId& stream, Offset from = 0,
                                   std::uint32_t max_records = 1000) {
    std::vector<std::string> bodies;
    while (true) {
      const auto batch = log_.Read(stream, from, max_records, 1u << 20u);
      if (!batch) bodies.push_back("error: " + batch.error().ToString());
      if (!batch || batch->empty()) return bodies;
      for (const auto& record : batch->records()) {
        if (record.offset != from++) bodies.push_back("error: gap");
        bodies.emplace_back(record.body);
      }
    }
  }

 private:
  EventLog& log_;
};

/// A Result without an error, and with this value.
MATCHER_P(Holds, value, "") {
  if (arg && *arg == value) return true;
  *result_listener << (arg ? "another value" : arg.error().ToString());
  return false;
}

}  // namespace millrace::eventlog
