#include "base/time.hpp"

#include <array>

#include "base/bytes.hpp"

namespace millrace {
namespace {

constexpr std::int64_t kUsPerSecond = 1'000'000;
constexpr std::int64_t kUsPerDay = 86'400 * kUsPerSecond;
constexpr std::size_t kDateLength = 10;
constexpr std::size_t kFractionDigits = 6;
constexpr std::size_t kTimestampLength = 27;             ///< at most
constexpr std::int64_t kFirstUs = -719'162 * kUsPerDay;  // 0001-01-01
constexpr std::int64_t kEndUs = 2'932'897 * kUsPerDay;   // 10000-01-01

std::unexpected<Error> Refuse(std::string_view text, std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument,
              Excerpt(text) + " is not " + std::string(what));
}

/// The `count` digits at `at`, or -1.
int Digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// Writes `digits` digits and returns the place behind them.
char* PutPadded(char* at, std::uint64_t value, std::size_t digits) {
  for (std::size_t i = digits; i-- > 0; value /= 10) {
    at[i] = static_cast<char>('0' + value % 10);
  }
  return at + digits;
}

/// "YYYY-MM-DD".
char* PutDate(char* at, std::int32_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  at = PutPadded(at, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  *at++ = '-';
  at = PutPadded(at, static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  return PutPadded(at, static_cast<unsigned>(date.day()), 2);
}

/// "YYYY-MM-DD" at the start of text.
bool TakeDate(std::string_view text, std::int32_t& days) {
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  if (year < 1 || month < 1 || day < 1 || text[4] != '-' || text[7] != '-') return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  days =
      static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
  return true;
}

/// "hh:mm:ss" in seconds, or -1.
std::int64_t TakeClock(std::string_view text) {
  const int hour = Digits(text, 0, 2);
  const int minute = Digits(text, 3, 2);
  const int second = Digits(text, 6, 2);
  const bool valid = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 &&
                     second >= 0 && second < 60 && text[2] == ':' && text[5] == ':';
  return valid ? hour * 3600 + minute * 60 + second : -1;
}

/// ".123" in microseconds; takes it off `text`. Absent: 0. False: no digit, or too many.
bool TakeFraction(std::string_view& text, std::int64_t& micros) {
  micros = 0;
  if (!text.starts_with('.')) return true;
  text.remove_prefix(1);
  std::size_t count = 0;
  for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count) {
    if (count == kFractionDigits) return false;
    micros = micros * 10 + (text[count] - '0');
  }
  if (count == 0) return false;
  for (auto i = count; i < kFractionDigits; ++i) micros *= 10;
  text.remove_prefix(count);
  return true;
}

/// "Z" or "±hh:mm", the whole rest, in seconds east.
bool TakeZone(std::string_view text, std::int64_t& seconds) {
  if (text == "Z") {
    seconds = 0;
    return true;
  }
  const int hour = Digits(text, 1, 2);
  const int minute = Digits(text, 4, 2);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      hour < 0 || hour > 23 || minute < 0 || minute > 59) {
    return false;
  }
  seconds = (hour * 60 + minute) * 60;
  if (text[0] == '-') seconds = -seconds;
  return true;
}

class WallClock final : public Clock {
 public:
  TimestampUs Now() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }
};

}  // namespace

void AppendDate(std::string& out, std::int32_t days) {
  std::array<char, kDateLength> text;
  PutDate(text.data(), days);
  out.append(text.data(), text.size());
}

Result<std::int32_t> ParseDate(std::string_view text) {
  std::int32_t days = 0;
  if (text.size() != kDateLength || !TakeDate(text, days)) {
    return Refuse(text, "a date: YYYY-MM-DD, years 0001 to 9999");
  }
  return days;
}

void AppendTimestamp(std::string& out, TimestampUs at) {
  const auto in_day = ((at % kUsPerDay) + kUsPerDay) % kUsPerDay;
  const auto micros = static_cast<std::uint64_t>(in_day);
  const auto seconds = micros / kUsPerSecond;
  std::array<char, kTimestampLength> text;
  char* end = PutDate(text.data(), static_cast<std::int32_t>((at - in_day) / kUsPerDay));
  *end++ = 'T';
  end = PutPadded(end, seconds / 3600, 2);
  *end++ = ':';
  end = PutPadded(end, seconds / 60 % 60, 2);
  *end++ = ':';
  end = PutPadded(end, seconds % 60, 2);
  if (const auto fraction = micros % kUsPerSecond; fraction != 0) {
    *end++ = '.';
    end = PutPadded(end, fraction, kFractionDigits);
  }
  *end++ = 'Z';
  out.append(text.data(), end);
}

Result<TimestampUs> ParseTimestamp(std::string_view text) {
  constexpr std::size_t kZoneAt = 19;
  const auto refuse = [&] {
    return Refuse(text,
                  "a timestamp: 2013-01-31T10:00:00Z or with ±hh:mm, at most 6 digits "
                  "of a second, years 0001 to 9999");
  };
  std::int32_t days = 0;
  if (text.size() <= kZoneAt || !TakeDate(text, days) ||
      (text[kDateLength] != 'T' && text[kDateLength] != ' ')) {
    return refuse();
  }
  const auto seconds = TakeClock(text.substr(kDateLength + 1));
  auto rest = text.substr(kZoneAt);
  std::int64_t micros = 0;
  std::int64_t east = 0;
  if (seconds < 0 || !TakeFraction(rest, micros) || !TakeZone(rest, east))
    return refuse();
  const auto at = days * kUsPerDay + (seconds - east) * kUsPerSecond + micros;
  // A zone can push the first or the last day out of the range that has a text.
  if (at < kFirstUs || at >= kEndUs) return refuse();
  return at;
}

const Clock& SystemClock() {
  static const WallClock kClock;
  return kClock;
}

}  // namespace millrace
