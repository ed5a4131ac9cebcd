#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace {

/// Place of an event in its stream: 0 for the first, then one more each, without gaps.
/// "Next offset" is the one a reader has not consumed yet.
using Offset = std::uint64_t;

/// Capture's cursor in a source: 16 bytes, strictly rising in log order. Only for "have I
/// had this?". The embedded record store uses {0, change sequence}.
struct Position {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

/// Which state of a record is newer. Everywhere outside the process it is text of 32
/// lower-case hex digits, so that text order is version order.
struct Version {
  std::uint32_t epoch = 0;     ///< rises when the source's identity changes
  std::uint64_t position = 0;  ///< commit position in the source
  std::uint32_t ordinal = 0;   ///< order of changes of one key inside one commit
  friend auto operator<=>(const Version&, const Version&) = default;

  std::string ToHex() const;
  /// Appends the 32 digits.
  void AppendHex(std::string& out) const;
  /// kInvalidArgument unless it is exactly 32 lower-case hex digits.
  static Result<Version> Parse(std::string_view hex);
};

/// "<source>:<epoch hex 8>:<position hex 16>": never random, so that each redelivery is
/// recognisable. Appends to `out`.
void AppendEventId(std::string& out, std::string_view source, const Version& version);

/// A stream of the log. Tenant is empty in projects without tenants.
struct StreamId {
  std::string tenant;
  std::string name;
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
};

}  // namespace millrace
