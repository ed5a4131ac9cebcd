#include "checks.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace millrace::app {
namespace {

// In real time such a duration at such a speed is still a time_point of a clock.
constexpr double kSlowest = 0.01, kFastest = 1e6;
constexpr double kLongestMs = 20'000 * 36e5;
constexpr double kLowestRate = 0.001, kHighestRate = 1e9;

struct Number {
  double value = 0;
  std::string_view rest;
};

/// A finite number and what is behind it.
std::optional<Number> NumberIn(const std::string& text) {
  Number number;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number.value);
  if (failed != std::errc() || !std::isfinite(number.value)) return std::nullopt;
  number.rest = {rest, static_cast<std::size_t>(end - rest)};
  return number;
}

std::string WrongWhole(const std::string& text, std::uint64_t least, std::uint64_t most) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)
    return "expected a whole number, got " + text;
  std::uint64_t value = 0;
  const auto failed =
      std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc();
  if (failed || value > most) return fmt::format("must be at most {}", most);
  return value < least ? fmt::format("must be at least {}", least) : std::string();
}

template <typename T>
std::string MessageOf(const Result<T>& parsed) {
  return parsed ? std::string() : std::string(parsed.error().message());
}

}  // namespace

CLI::Validator WholeNumber(std::uint64_t least, std::uint64_t most) {
  const bool bounded = most != std::numeric_limits<std::uint64_t>::max();
  return CLI::Validator(
      [least, most](const std::string& text) { return WrongWhole(text, least, most); },
      bounded ? fmt::format("[{} - {}]", least, most) : fmt::format(">= {}", least));
}

CLI::Validator RateNumber(bool zero) {
  return CLI::Validator(
      [zero](const std::string& text) -> std::string {
        const auto number = NumberIn(text);
        if (number && number->rest.empty() &&
            ((zero && number->value == 0) ||
             (number->value >= kLowestRate && number->value <= kHighestRate)))
          return {};
        return std::string("expected a number from 0.001 to 1000000000") +
               (zero ? ", or 0" : "") + ", got " + text;
      },
      "");
}

CLI::Validator PathText() {
  return CLI::Validator(
      [](const std::string& text) -> std::string {
        return text.empty() ? "expected a path, got nothing" : "";
      },
      "");
}

CLI::Validator SpeedFactor() {
  return CLI::Validator(
      [](const std::string& text) { return MessageOf(ParseSpeed(text)); }, "");
}

CLI::Validator DurationText(bool zero) {
  return CLI::Validator(
      [zero](const std::string& text) -> std::string {
        const auto parsed = ParseDuration(text);
        if (parsed && parsed->count() == 0 && !zero) return "must be at least 1ms";
        return MessageOf(parsed);
      },
      "");
}

CLI::Validator Assignment(const std::string& expected) {
  return CLI::Validator(
      [expected](const std::string& text) -> std::string {
        const auto equal = text.find('=');
        if (equal != std::string::npos && equal > 0) return {};
        return text + ": expected " + expected;
      },
      "");
}

Result<double> ParseSpeed(const std::string& text) {
  const auto number = NumberIn(text);
  if (number && number->value >= kSlowest && number->value <= kFastest &&
      (number->rest.empty() || number->rest == "x"))
    return number->value;
  return Fail(ErrorCode::kInvalidArgument,
              "expected a factor from 0.01x to 1000000x, such as 60x, got " + text);
}

Result<std::chrono::milliseconds> ParseDuration(const std::string& text) {
  const auto number = NumberIn(text);
  const auto unit = number ? number->rest : std::string_view();
  const double ms = unit == "ms"  ? 1
                    : unit == "s" ? 1e3
                    : unit == "m" ? 6e4
                    : unit == "h" ? 36e5
                                  : 0;
  if (ms == 0 || number->value < 0 || number->value * ms > kLongestMs) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "expected a time such as 500ms, 90s, 10m or 2h, 20000h at most, got " + text);
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(number->value * ms));
}

}  // namespace millrace::app
