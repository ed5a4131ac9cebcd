#pragma once

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"

namespace millrace::config {

/// A size in bytes that does not turn into a count by accident.
struct Bytes {
  std::uint64_t value = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

namespace literals {
consteval Bytes operator""_KiB(unsigned long long n) { return {n << 10U}; }
consteval Bytes operator""_MiB(unsigned long long n) { return {n << 20U}; }
consteval Bytes operator""_GiB(unsigned long long n) { return {n << 30U}; }
}  // namespace literals

/// A text that is never printed. Its setting may be given as a file, too (`…_file`).
struct Secret {
  std::string value;
};

/// Smallest and largest value allowed, both included.
template <typename A, typename B = A>
struct Within {
  A min;
  B max;
};
template <typename A, typename B>
Within(A, B) -> Within<A, B>;

/// How a setting of type T is read from text and printed: Read(Print(x)) is x. Errors say
/// what was expected; the name of the setting is put before them by the loader.
template <typename T>
struct Value;

template <>
struct Value<bool> {
  static constexpr std::string_view kType = "true or false";
  static Result<bool> Read(std::string_view text);
  static std::string Print(bool value) { return value ? "true" : "false"; }
};

template <>
struct Value<std::int64_t> {
  static constexpr std::string_view kType = "whole number";
  static Result<std::int64_t> Read(std::string_view text);
  static std::string Print(std::int64_t value);
};

/// Narrower integers: read as 64 bit, then refused if they do not fit.
template <typename T>
  requires(std::integral<T> && !std::same_as<T, std::uint64_t>)
struct Value<T> {
  static constexpr std::string_view kType = Value<std::int64_t>::kType;
  static Result<T> Read(std::string_view text) {
    MR_TRY(const auto wide, Value<std::int64_t>::Read(text));
    const auto narrow = static_cast<T>(wide);
    if (static_cast<std::int64_t>(narrow) != wide || (narrow < 0) != (wide < 0))
      return Fail(ErrorCode::kInvalidArgument, "the number is out of range");
    return narrow;
  }
  static std::string Print(T value) { return Value<std::int64_t>::Print(value); }
};

/// At most 2^63 - 1.
template <>
struct Value<std::uint64_t> {
  static constexpr std::string_view kType = Value<std::int64_t>::kType;
  static Result<std::uint64_t> Read(std::string_view text);
  static std::string Print(std::uint64_t value);
};

template <>
struct Value<double> {
  static constexpr std::string_view kType = "number";
  static Result<double> Read(std::string_view text);
  static std::string Print(double value);
};

template <>
struct Value<std::string> {
  static constexpr std::string_view kType = "text";
  static Result<std::string> Read(std::string_view text) { return std::string(text); }
  static std::string Print(const std::string& value) { return value; }
};

template <>
struct Value<std::filesystem::path> {
  static constexpr std::string_view kType = "path";
  static Result<std::filesystem::path> Read(std::string_view text);
  static std::string Print(const std::filesystem::path& value) { return value.string(); }
};

template <>
struct Value<Bytes> {
  static constexpr std::string_view kType = "size";
  static Result<Bytes> Read(std::string_view text);
  static std::string Print(Bytes value);
};

template <>
struct Value<std::chrono::milliseconds> {
  static constexpr std::string_view kType = "duration";
  static Result<std::chrono::milliseconds> Read(std::string_view text);
  static std::string Print(std::chrono::milliseconds value);
};

template <>
struct Value<Secret> {
  static constexpr std::string_view kType = "secret";
  static Result<Secret> Read(std::string_view text) { return Secret{std::string(text)}; }
  static std::string Print(const Secret& secret) {
    return secret.value.empty() ? "" : "***";
  }
};

/// "none", or a T.
template <typename T>
struct Value<std::optional<T>> {
  static constexpr std::string_view kType = Value<T>::kType;
  static Result<std::optional<T>> Read(std::string_view text) {
    if (text == "none") return std::optional<T>{};
    MR_TRY(auto value, Value<T>::Read(text));
    return std::optional<T>(std::move(value));
  }
  static std::string Print(const std::optional<T>& value) {
    return value ? Value<T>::Print(*value) : "none";
  }
};

namespace detail {
template <typename T>
struct Base {
  using Type = T;
};
template <typename T>
struct Base<std::optional<T>> {
  using Type = T;
};
}  // namespace detail

}  // namespace millrace::config
