#include "telemetry/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <type_traits>
#include <utility>

#include "base/json.hpp"

namespace millrace::telemetry {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kPadded = {"DEBUG", "INFO ", "WARN ", "ERROR"};

bool WantsJson(LogFormat format, int fd) {
  return format == LogFormat::kJson || (format == LogFormat::kAuto && ::isatty(fd) != 1);
}

void AppendJsonValue(std::string& out, const LogField::Value& value) {
  std::visit(
      [&out](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          AppendJsonString(out, v);
        } else if constexpr (std::is_same_v<T, const Error*>) {
          AppendJsonString(out, v->ToString());
        } else if constexpr (std::is_same_v<T, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, double>) {
          AppendDouble(out, v);
        } else {
          fmt::format_to(std::back_inserter(out), "{}", v);
        }
      },
      value);
}

/// Quoted as JSON only when a reader or a terminal could stumble over it bare.
void AppendTextString(std::string& out, std::string_view text) {
  bool plain = !text.empty();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == '"' || byte == '=' || byte == '\\' || byte == 0x7f) {
      plain = false;
      break;
    }
  }
  if (plain) {
    out += text;
  } else {
    AppendJsonString(out, text);
  }
}

void AppendTextValue(std::string& out, const LogField::Value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    AppendTextString(out, *text);
  } else if (const auto* error = std::get_if<const Error*>(&value)) {
    AppendTextString(out, (*error)->ToString());
  } else {
    AppendJsonValue(out, value);
  }
}

struct Head {
  TimestampUs at;
  Level level;
  std::string_view context;
};

void AppendJsonLine(std::string& line, const Head& head, std::string_view message,
                    Logger::Fields fields) {
  line += "{\"ts\":\"";
  AppendTimestamp(line, head.at);
  line += "\",\"level\":\"";
  line += ToString(head.level);
  line += '"';
  if (!head.context.empty()) {
    line += ",\"context\":";
    AppendJsonString(line, head.context);
  }
  line += ",\"msg\":";
  AppendJsonString(line, message);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonKey(line, field.key);
    AppendJsonValue(line, field.value);
  }
  line += "}\n";
}

void AppendTextLine(std::string& line, const Head& head, std::string_view message,
                    Logger::Fields fields) {
  AppendTimestamp(line, head.at);
  line += ' ';
  line += kPadded[static_cast<std::size_t>(head.level)];
  line += ' ';
  if (!head.context.empty()) line.append("[").append(head.context).append("] ");
  line += message;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    AppendTextValue(line, field.value);
  }
  line += '\n';
}

/// Gives up on the first error: there is nowhere left to report it.
void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string_view ToString(Level level) { return kNames[static_cast<std::size_t>(level)]; }

Result<Level> ParseLevel(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return static_cast<Level>(i);
  }
  return Fail(ErrorCode::kInvalidArgument,
              "not a log level: use debug, info, warn or error");
}

Logger::Logger(LogOptions options, const Clock& clock)
    : level_(options.level),
      json_(WantsJson(options.format, options.fd)),
      fd_(options.fd),
      context_(std::move(options.context)),
      clock_(clock) {}

Logger::Logger(const Logger& other, std::string context)
    : level_(other.level_.load(std::memory_order_relaxed)),
      json_(other.json_),
      fd_(other.fd_),
      context_(std::move(context)),
      clock_(other.clock_) {}

void Logger::Write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  const auto at = clock_.Now();
  const std::scoped_lock lock(mutex_);
  line_.clear();
  const auto append = json_ ? AppendJsonLine : AppendTextLine;
  append(line_, {at, level, context_}, message, fields);
  WriteAll(fd_, line_);
}

}  // namespace millrace::telemetry
