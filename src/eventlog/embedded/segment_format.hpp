#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

/// Bytes of a segment file, without I/O; see docs/formats/event-log-segment.md.
namespace millrace::eventlog {

/// Last position of each source.
using Positions = std::map<std::string, Position, std::less<>>;

struct SegmentHeader {
  StreamId stream;
  Offset first = 0;
  Positions positions;  ///< when the segment was begun
};

std::string EncodeSegmentHeader(const SegmentHeader& header);
/// How many bytes the header at the start of `data` takes; nothing when `data` is not the
/// start of a segment. 16 bytes are enough to tell.
std::optional<std::uint64_t> SegmentHeaderLength(std::string_view data);
/// `data` is at least the header. kDataLoss says what is wrong with it, without the file.
Result<SegmentHeader> DecodeSegmentHeader(std::string_view data);

enum class BatchKind : std::uint16_t {
  kEvents = 0,
  kMark = 1,  ///< no events: everything before it is durable; carries the positions
};

inline constexpr std::size_t kBatchFixedBytes = 72;
/// Enough of a batch to decode its header.
inline constexpr std::size_t kBatchHeaderMax = kBatchFixedBytes + 128;
inline constexpr std::size_t kBatchAlignment = 8;
/// Last bytes of a segment that was closed cleanly.
inline constexpr std::size_t kMarkTrailerBytes = 8;

struct BatchHeader {
  std::uint32_t payload_crc = 0;
  std::uint32_t payload_length = 0;  ///< records and padding
  Offset first = 0;
  std::uint64_t group_start = 0;  ///< file position up to which all was durable before it
  Position after;
  Position upto;
  std::uint32_t count = 0;
  BatchKind kind = BatchKind::kEvents;
  std::string_view source;  ///< into the decoded bytes

  std::uint64_t header_length() const { return kBatchFixedBytes + source.size(); }
  std::uint64_t length() const { return header_length() + payload_length; }
  Offset next() const { return first + count; }
};

/// Nothing when the header is not whole or its sum is wrong. Needs kBatchHeaderMax bytes,
/// fewer only at the end of the file.
std::optional<BatchHeader> DecodeBatchHeader(std::string_view data);
/// The first place in `data`, `at` or a multiple of kBatchAlignment behind it, where a
/// header could begin by its first bytes; data.size() when there is none.
std::size_t FindBatchMagic(std::string_view data, std::size_t at);
bool PayloadIsValid(const BatchHeader& header, std::string_view batch);

/// A batch whose place in the file is not known yet; SealBatch completes it.
std::string EncodeBatch(std::string_view source, const Position& after,
                        const Position& upto,
                        const std::vector<std::string_view>& bodies);
void SealBatch(std::string& batch, Offset first, std::uint64_t group_start);

std::string EncodeMark(const Positions& positions, Offset next, std::uint64_t at);
/// Length of the mark that ends with the eight bytes `trailer`; nothing if they are none.
std::optional<std::uint64_t> MarkLength(std::string_view trailer);
/// Positions that a valid mark carries; nothing when they do not decode.
std::optional<Positions> DecodeMark(const BatchHeader& header, std::string_view batch);

std::uint32_t LoadU32(const char* from);

}  // namespace millrace::eventlog
