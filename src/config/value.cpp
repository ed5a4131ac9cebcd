#include "config/value.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace millrace::config {
namespace {

struct Unit {
  std::uint64_t size;
  std::string_view name;
};

constexpr std::array kByteUnits = {Unit{1ULL << 40U, "TiB"}, Unit{1U << 30U, "GiB"},
                                   Unit{1U << 20U, "MiB"}, Unit{1U << 10U, "KiB"}};
constexpr std::array kTimeUnits = {Unit{86'400'000, "d"}, Unit{3'600'000, "h"},
                                   Unit{60'000, "m"}, Unit{1'000, "s"}};

/// In the largest unit that divides it: what it reads back from exactly.
template <std::size_t N>
std::string PrintInUnit(std::uint64_t value, const std::array<Unit, N>& units,
                        std::string_view smallest) {
  for (const auto& unit : units)
    if (value != 0 && value % unit.size == 0)
      return fmt::format("{}{}", value / unit.size, unit.name);
  return fmt::format("{}{}", value, smallest);
}

template <typename T>
Result<T> ReadNumber(std::string_view text, std::string_view expected) {
  T value{};
  const auto* end = text.data() + text.size();
  const auto [last, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || last != end)
    return Fail(ErrorCode::kInvalidArgument, std::string(expected));
  return value;
}

}  // namespace

Result<bool> Value<bool>::Read(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Fail(ErrorCode::kInvalidArgument, "write true or false");
}

Result<std::int64_t> Value<std::int64_t>::Read(std::string_view text) {
  return ReadNumber<std::int64_t>(text, "write a whole number, such as 8080");
}

std::string Value<std::int64_t>::Print(std::int64_t value) {
  return fmt::format("{}", value);
}

Result<std::uint64_t> Value<std::uint64_t>::Read(std::string_view text) {
  MR_TRY(const auto value,
         ReadNumber<std::uint64_t>(text, "write a whole number, such as 8080"));
  if (value > std::numeric_limits<std::int64_t>::max())
    return Fail(ErrorCode::kInvalidArgument, "the number is out of range");
  return value;
}

std::string Value<std::uint64_t>::Print(std::uint64_t value) {
  return fmt::format("{}", value);
}

Result<double> Value<double>::Read(std::string_view text) {
  MR_TRY(const auto value, ReadNumber<double>(text, "write a number, such as 0.25"));
  if (!std::isfinite(value))
    return Fail(ErrorCode::kInvalidArgument, "write a finite number, such as 0.25");
  return value;
}

std::string Value<double>::Print(double value) {
  std::string text;
  AppendDouble(text, value);
  return text;
}

Result<std::filesystem::path> Value<std::filesystem::path>::Read(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, "a path cannot be empty");
  return std::filesystem::path(text);
}

Result<Bytes> Value<Bytes>::Read(std::string_view text) {
  MR_TRY(const auto bytes, ParseByteSize(text));
  return Bytes{bytes};
}

std::string Value<Bytes>::Print(Bytes value) {
  return PrintInUnit(value.value, kByteUnits, "");
}

Result<std::chrono::milliseconds> Value<std::chrono::milliseconds>::Read(
    std::string_view text) {
  MR_TRY(const auto ms, ParseDurationMs(text));
  return std::chrono::milliseconds(ms);
}

std::string Value<std::chrono::milliseconds>::Print(std::chrono::milliseconds value) {
  return PrintInUnit(static_cast<std::uint64_t>(value.count()), kTimeUnits, "ms");
}

}  // namespace millrace::config
