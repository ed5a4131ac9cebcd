#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// What a stream made of a part of a file.
struct AppendOutcome {
  struct Refused {
    std::uint64_t line;  ///< in the part, from 1
    std::string reason;  ///< with every bad field
  };
  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;
  std::vector<Refused> refused;
};

/// Appends to a declared stream, whether a server runs on the data directory (then
/// through its socket) or not (then into its log, under its lock).
class StreamAppender {
 public:
  virtual ~StreamAppender() = default;
  /// `project` is read where no server runs. kNotFound: no such stream, or no data
  /// directory where a server's is expected; kFenced: a process holds it that does not
  /// answer.
  static Result<std::unique_ptr<StreamAppender>> Open(
      const std::filesystem::path& data, const std::filesystem::path& project,
      const std::string& stream, telemetry::Logger& logger);

  /// `bytes` as lines, one event each, or whole. Durable when it returns. `event_id` as
  /// capture::ParseEvents has it. Errors: nothing of it was taken, but for
  /// kDeadlineExceeded.
  virtual Result<AppendOutcome> Append(const std::string& bytes, bool lines,
                                       const std::string& event_id) = 0;
};

}  // namespace millrace::app
