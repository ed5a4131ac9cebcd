#include "segment_format.hpp"

#include <bit>
#include <concepts>
#include <cstring>

#include "base/bytes.hpp"

namespace millrace::eventlog {
namespace {

static_assert(std::endian::native == std::endian::little,
              "stored numbers are little-endian");

constexpr std::string_view kSegmentMagic = "MRLG";
constexpr std::string_view kBatchMagic = "MRLB";
constexpr std::string_view kMarkMagic = "MRLE";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kSegmentCrcEnd = 16;  ///< magic, version, flags, length, crc

template <std::unsigned_integral T>
void Put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <std::unsigned_integral T>
void PutAt(std::string& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

void PutText(std::string& out, std::string_view text) {
  Put(out, static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

void PutPosition(std::string& out, const Position& position) {
  Put(out, position.high);
  Put(out, position.low);
}

void PutPositions(std::string& out, const Positions& positions) {
  Put(out, static_cast<std::uint32_t>(positions.size()));
  for (const auto& [source, position] : positions) {
    PutText(out, source);
    PutPosition(out, position);
  }
}

void PadTo(std::string& out, std::size_t alignment, std::size_t before_end = 0) {
  while ((out.size() + before_end) % alignment != 0) out.push_back('\0');
}

/// Reads in order; once past the end everything is zero and ok() false.
class Cursor {
 public:
  explicit Cursor(std::string_view data) : data_(data) {}

  template <std::unsigned_integral T>
  T Take() {
    T value{};
    const auto bytes = Bytes(sizeof value);
    if (ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view Bytes(std::size_t size) {
    if (!ok_ || data_.size() < size) {
      ok_ = false;
      return {};
    }
    const auto bytes = data_.substr(0, size);
    data_.remove_prefix(size);
    return bytes;
  }
  std::string_view Text() { return Bytes(Take<std::uint16_t>()); }
  Position TakePosition() {
    Position position;
    position.high = Take<std::uint64_t>();
    position.low = Take<std::uint64_t>();
    return position;
  }
  Positions TakePositions() {
    Positions positions;
    const auto count = Take<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && ok_; ++i) {
      std::string source(Text());
      positions[std::move(source)] = TakePosition();
    }
    return positions;
  }
  bool ok() const { return ok_; }

 private:
  std::string_view data_;
  bool ok_ = true;
};

struct BatchStart {
  BatchKind kind;
  std::uint32_t count;
  Position after;
  Position upto;
};

/// Fixed part and source; the sums and the place are filled in later.
void PutBatchStart(std::string& out, const BatchStart& start, std::string_view source) {
  out.append(kBatchMagic);
  out.append(4 + 4 + 4 + 8 + 8, '\0');
  PutPosition(out, start.after);
  PutPosition(out, start.upto);
  Put(out, start.count);
  Put(out, static_cast<std::uint16_t>(start.kind));
  Put(out, static_cast<std::uint16_t>(source.size()));
  out.append(source);
}

/// Sums bytes soon after they were put, while they are in the nearest cache: for a batch
/// of 256 KiB that is half of the time of summing it in the end.
class RunningSum {
 public:
  explicit RunningSum(const char* begin) : summed_(begin) {}

  void Follow(const char* end) {
    if (end - summed_ >= kPiece) Catch(end);
  }
  /// Completes the payload's fields of `batch`, whose payload is `payload` bytes at the
  /// end.
  void Seal(std::string& batch, std::size_t payload) {
    Catch(batch.data() + batch.size());
    PutAt(batch, 8, crc_);
    PutAt(batch, 12, static_cast<std::uint32_t>(payload));
  }

 private:
  static constexpr std::ptrdiff_t kPiece = 8192;
  void Catch(const char* end) {
    crc_ = Crc32c({summed_, end}, crc_);
    summed_ = end;
  }
  const char* summed_;
  std::uint32_t crc_ = 0;
};

}  // namespace

std::uint32_t LoadU32(const char* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string out(kSegmentMagic);
  Put(out, kVersion);
  Put(out, std::uint16_t{0});
  out.append(4 + 4, '\0');
  Put(out, header.first);
  PutText(out, header.stream.tenant);
  PutText(out, header.stream.name);
  PutPositions(out, header.positions);
  PadTo(out, kBatchAlignment);
  PutAt(out, 8, static_cast<std::uint32_t>(out.size()));
  const auto sum = Crc32c(std::string_view(out).substr(0, 12));
  PutAt(out, 12, Crc32c(std::string_view(out).substr(kSegmentCrcEnd), sum));
  return out;
}

std::optional<std::uint64_t> SegmentHeaderLength(std::string_view data) {
  if (data.size() < kSegmentCrcEnd || !data.starts_with(kSegmentMagic)) return {};
  const auto length = LoadU32(data.data() + 8);
  if (length < kSegmentCrcEnd || length % kBatchAlignment != 0) return {};
  return length;
}

Result<SegmentHeader> DecodeSegmentHeader(std::string_view data) {
  const auto length = SegmentHeaderLength(data);
  if (!length) return Fail(ErrorCode::kDataLoss, "not the start of a segment");
  Cursor in(data);
  in.Bytes(kSegmentMagic.size());
  if (const auto version = in.Take<std::uint16_t>(); version != kVersion) {
    return Fail(ErrorCode::kDataLoss, "segment format version " +
                                          std::to_string(version) +
                                          ", this program reads version 1");
  }
  const auto sum = data.size() < *length ? 0 : Crc32c(data.substr(0, 12));
  if (data.size() < *length ||
      Crc32c(data.substr(kSegmentCrcEnd, *length - kSegmentCrcEnd), sum) !=
          LoadU32(data.data() + 12)) {
    return Fail(ErrorCode::kDataLoss, "bad checksum of the segment header");
  }
  in = Cursor(data.substr(kSegmentCrcEnd, *length - kSegmentCrcEnd));
  SegmentHeader header;
  header.first = in.Take<std::uint64_t>();
  header.stream.tenant = in.Text();
  header.stream.name = in.Text();
  header.positions = in.TakePositions();
  if (!in.ok()) return Fail(ErrorCode::kDataLoss, "short segment header");
  return header;
}

std::optional<BatchHeader> DecodeBatchHeader(std::string_view data) {
  if (data.size() < kBatchFixedBytes || !data.starts_with(kBatchMagic)) return {};
  Cursor in(data.substr(kBatchMagic.size()));
  const auto header_crc = in.Take<std::uint32_t>();
  BatchHeader header;
  header.payload_crc = in.Take<std::uint32_t>();
  header.payload_length = in.Take<std::uint32_t>();
  header.first = in.Take<std::uint64_t>();
  header.group_start = in.Take<std::uint64_t>();
  header.after = in.TakePosition();
  header.upto = in.TakePosition();
  header.count = in.Take<std::uint32_t>();
  header.kind = static_cast<BatchKind>(in.Take<std::uint16_t>());
  header.source = in.Text();
  if (!in.ok()) return {};
  if (Crc32c(data.substr(8, header.header_length() - 8)) != header_crc) return {};
  return header;
}

std::size_t FindBatchMagic(std::string_view data, std::size_t at) {
  const auto magic = LoadU32(kBatchMagic.data());
  for (; at + kBatchMagic.size() <= data.size(); at += kBatchAlignment) {
    if (LoadU32(data.data() + at) == magic) return at;
  }
  return data.size();
}

bool PayloadIsValid(const BatchHeader& header, std::string_view batch) {
  if (batch.size() < header.length()) return false;
  const auto payload = batch.substr(header.header_length(), header.payload_length);
  return Crc32c(payload) == header.payload_crc;
}

std::string EncodeBatch(std::string_view source, const Position& after,
                        const Position& upto,
                        const std::vector<std::string_view>& bodies) {
  std::size_t payload = 0;
  for (const auto body : bodies) payload += sizeof(std::uint32_t) + body.size();
  std::string out;
  out.reserve(kBatchHeaderMax + payload + kBatchAlignment);
  PutBatchStart(
      out, {BatchKind::kEvents, static_cast<std::uint32_t>(bodies.size()), after, upto},
      source);
  const auto begin = out.size();
  out.resize_and_overwrite(begin + payload, [](char*, std::size_t size) { return size; });
  char* at = out.data() + begin;
  RunningSum sum(at);
  for (const auto body : bodies) {
    const auto size = static_cast<std::uint32_t>(body.size());
    std::memcpy(at, &size, sizeof size);
    body.copy(at + sizeof size, body.size());
    at += sizeof size + body.size();
    sum.Follow(at);
  }
  PadTo(out, kBatchAlignment);
  sum.Seal(out, out.size() - begin);
  return out;
}

void SealBatch(std::string& batch, Offset first, std::uint64_t group_start) {
  PutAt(batch, 16, first);
  PutAt(batch, 24, group_start);
  std::uint16_t source_length;
  std::memcpy(&source_length, batch.data() + 70, sizeof source_length);
  const auto header =
      std::string_view(batch).substr(8, kBatchFixedBytes - 8 + source_length);
  PutAt(batch, 4, Crc32c(header));
}

std::string EncodeMark(const Positions& positions, Offset next, std::uint64_t at) {
  std::string out;
  PutBatchStart(out, {BatchKind::kMark, 0, {}, {}}, {});
  PutPositions(out, positions);
  PadTo(out, kBatchAlignment, kMarkTrailerBytes);
  Put(out, static_cast<std::uint32_t>(out.size() + kMarkTrailerBytes));
  out.append(kMarkMagic);
  RunningSum(out.data() + kBatchFixedBytes).Seal(out, out.size() - kBatchFixedBytes);
  SealBatch(out, next, at);
  return out;
}

std::optional<std::uint64_t> MarkLength(std::string_view trailer) {
  if (trailer.size() != kMarkTrailerBytes || !trailer.ends_with(kMarkMagic)) return {};
  return LoadU32(trailer.data());
}

std::optional<Positions> DecodeMark(const BatchHeader& header, std::string_view batch) {
  if (header.kind != BatchKind::kMark || !PayloadIsValid(header, batch)) return {};
  Cursor in(batch.substr(header.header_length(), header.payload_length));
  auto positions = in.TakePositions();
  if (!in.ok()) return {};
  return positions;
}

}  // namespace millrace::eventlog
