#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::app {

/// One collection's way, as added up by `millrace verify` and acknowledged to the client.
struct Stage {
  std::uint64_t accepted = 0, changes = 0, log = 0, lake = 0, warehouse = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t records = 0;        ///< records now
  bool acknowledged_equal = false;  ///< count and hash: what the client was told
  bool stores_equal = false;        ///< count and hash: history and state of every store
};

/// A question and both answers (JSON arrays).
struct Question {
  std::string name;
  std::string warehouse, csv;
  bool Equal() const { return !warehouse.empty() && warehouse == csv; }
};

struct DemoReport {
  std::map<std::string, Stage> stages;
  std::vector<Question> questions;
  double lag_p50_ms = 0, lag_p99_ms = 0;
  double seconds = 0;
  std::uint64_t rss_bytes = 0;
  std::string verify_text;

  bool Agrees() const;
  /// {"agree","stages","lag_ms","seconds","answers",…} on one line.
  std::string ToJson() const;
  std::string ToText() const;
};

/// Adds what `millrace verify --json` printed.
Status AddVerdict(DemoReport& report, std::string_view json);
/// Client sums by collection, from `millrace replay --json`.
struct ClientSum {
  std::uint64_t accepted = 0;
  std::string hash;
};
Result<std::map<std::string, ClientSum>> ReadReplaySummary(std::string_view json);
/// Compares what the client was told with what the record store committed.
Status CompareAcknowledged(DemoReport& report,
                           const std::map<std::string, ClientSum>& sums,
                           std::string_view verdict_json);

}  // namespace millrace::app
