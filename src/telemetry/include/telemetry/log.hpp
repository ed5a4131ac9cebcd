#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::telemetry {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// "debug", "info", "warn", "error".
std::string_view ToString(Level level);
Result<Level> ParseLevel(std::string_view text);

/// One key of a log line. Views only: made for the call, never stored.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool,
                             const Error*>;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v)
      : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, std::signed_integral auto v)
      : key(k), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view k, std::unsigned_integral auto v)
      : key(k), value(static_cast<std::uint64_t>(v)) {}
  LogField(std::string_view k, std::floating_point auto v)
      : key(k), value(static_cast<double>(v)) {}
  /// Written as "code: message".
  LogField(std::string_view k, const Error& v) : key(k), value(&v) {}

  std::string_view key;
  Value value;
};

/// The key under which lines of one HTTP request can be found together.
inline constexpr std::string_view kRequestIdKey = "request_id";

enum class LogFormat : std::uint8_t {
  kAuto,  ///< text when the descriptor is a terminal, JSON otherwise
  kText,  ///< 2013-01-01T05:00:00.123456Z INFO  message key=value key="two words"
  kJson,  ///< {"ts":"…","level":"info","msg":"message","key":value}
};

struct LogOptions {
  Level level = Level::kInfo;
  LogFormat format = LogFormat::kAuto;
  int fd = 2;  ///< stdout is for data
  /// What speaks, in every line: "context" in JSON, [context] in text. Empty: left out.
  std::string context{};
};

/// Structured log: a constant message plus fields, one line a call, one write a line.
/// Passed by reference from main. Any thread. What cannot be written is dropped: logging
/// never fails or stops a caller.
class Logger {
 public:
  explicit Logger(LogOptions options = {}, const Clock& clock = SystemClock());
  /// Another voice of the same log: level, form and descriptor are those of `other`.
  Logger(const Logger& other, std::string context);
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  using Fields = std::initializer_list<LogField>;
  void Debug(std::string_view message, Fields fields = {}) {
    Write(Level::kDebug, message, fields);
  }
  void Info(std::string_view message, Fields fields = {}) {
    Write(Level::kInfo, message, fields);
  }
  void Warn(std::string_view message, Fields fields = {}) {
    Write(Level::kWarn, message, fields);
  }
  void Error(std::string_view message, Fields fields = {}) {
    Write(Level::kError, message, fields);
  }

  bool enabled(Level level) const {
    return level >= level_.load(std::memory_order_relaxed);
  }
  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }

 private:
  void Write(Level level, std::string_view message, Fields fields);

  std::atomic<Level> level_;
  const bool json_;
  const int fd_;
  const std::string context_;
  const Clock& clock_;
  std::mutex mutex_;  ///< one line at a time
  std::string line_;  ///< reused
};

}  // namespace millrace::telemetry
