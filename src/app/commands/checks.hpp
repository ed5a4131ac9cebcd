#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "base/result.hpp"

namespace millrace::app {

/// What flags may be: a wrong one is usage (exit code 2), named with what it may be.
/// CLI11's own numbers wrap below 0, and print a range's end with 309 digits.

/// Digits alone.
CLI::Validator WholeNumber(
    std::uint64_t least, std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
/// Operations a second: 0.001 to 1e9, or 0 where `zero`.
CLI::Validator RateNumber(bool zero);
/// A path: not empty.
CLI::Validator PathText();
/// As ParseSpeed.
CLI::Validator SpeedFactor();
/// As ParseDuration; `zero`: it may be 0.
CLI::Validator DurationText(bool zero);
/// "name=value", with a name; `expected` says so.
CLI::Validator Assignment(const std::string& expected);

/// "60x" or "60": 0.01 to 1e6. kInvalidArgument.
Result<double> ParseSpeed(const std::string& text);
/// "500ms", "90s", "10m", "2h": 20,000 h at most, rounded down to ms. kInvalidArgument.
Result<std::chrono::milliseconds> ParseDuration(const std::string& text);

}  // namespace millrace::app
